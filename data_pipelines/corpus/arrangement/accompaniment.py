"""Writes players beside a score's own voices: bass, drum kit, and a piano with pedal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from data_pipelines.corpus.arrangement.figuration import REST, Harmony
from data_pipelines.corpus.arrangement.instruments import BASS, PIANO, fit_to_range
from data_pipelines.corpus.arrangement.voices import Line, Row, make_line

# Grooves over four beats: percussion key -> (sixteenth of the bar, accent) pairs.
_STRAIGHT = tuple((i, 6 if i % 4 == 0 else -6) for i in range(0, 16, 2))
_SIXTEENTHS = tuple((i, 6 if i % 4 == 0 else -10) for i in range(16))
GROOVES: dict[str, dict[int, tuple[tuple[int, int], ...]]] = {
    "rock": {42: _STRAIGHT, 36: ((0, 10), (8, 6), (10, 0)), 38: ((4, 10), (12, 10))},
    "busy rock": {42: _SIXTEENTHS, 36: ((0, 10), (3, 0), (8, 6)), 40: ((4, 8), (12, 8), (15, -14))},
    "ride": {51: _STRAIGHT, 35: ((0, 6), (6, 0), (8, 4)), 38: ((4, 8), (12, 8)), 44: ((4, 0),)},
    "swing": {
        51: ((0, 4), (4, 8), (7, -6), (8, 4), (12, 8), (15, -6)),
        44: ((4, 0), (12, 0)),
        36: ((0, -12), (10, -14)),
    },
    "disco": {36: ((0, 8), (4, 6), (8, 8), (12, 6)), 46: ((2, 2), (6, 2), (10, 2), (14, 2)),
              38: ((4, 4), (12, 4)), 39: ((4, -6), (12, -6))},
    "half time": {42: _STRAIGHT, 36: ((0, 8), (6, 0)), 37: ((8, 6),), 54: ((8, -8),)},
    "march": {38: ((0, 6), (4, 0), (6, -10), (8, 6), (12, 0), (13, -10), (14, -6)),
              36: ((0, 8), (8, 8)), 49: ((0, -14),)},
    "latin": {62: ((2, -4), (10, -4)), 63: ((6, 0), (12, 0)), 64: ((7, -2), (14, 0)),
              70: _SIXTEENTHS, 56: ((0, 0), (4, -6), (8, 0), (12, -6)), 36: ((0, 4), (8, 0))},
    "son": {75: ((0, 6), (3, 2), (6, 2), (10, 2), (12, 2)), 69: _STRAIGHT, 35: ((6, 4), (12, 2))},
    "toms": {41: ((0, 8), (6, 0), (8, 4)), 45: ((3, 0), (11, 0)), 48: ((4, 2), (14, 2)),
             42: ((2, -8), (10, -8))},
    "light": {81: ((0, -4),), 76: ((4, 0), (6, -6)), 77: ((12, 0),), 53: ((8, -8),)},
}  # fmt: skip
_FILLS = (38, 40, 41, 43, 45, 47, 48, 50)
_CRASHES = (49, 57, 55, 52)
_DRUM_HIT = 0.2  # beats; drums ring as they like, whatever their note says


def write_drums(bars: np.ndarray, length: float, rng: np.random.Generator) -> Line:
    """Writes drums that keep one or two grooves, with a fill and a crash every few bars."""
    names = list(GROOVES)
    pair = [GROOVES[names[i]] for i in rng.integers(0, len(names), 2)]
    phrase = int(rng.choice([4, 8]))
    rows: list[Row] = []
    edges = np.append(bars, length)
    for bar in range(len(bars)):
        begin, end = edges[bar], edges[bar + 1]
        groove = pair[int(bar // phrase) % 2]
        # At the end of a phrase, where a drummer leads over.
        fill = bar % phrase == phrase - 1 and rng.random() < 0.7
        stop = max(begin, end - float(rng.choice([1, 2]))) if fill else end
        for key, hits in groove.items():
            for sixteenth, accent in hits:
                at = begin + sixteenth / 4
                # Bars shorter than the groove cut it; a missed stroke keeps it from being a loop.
                if at < stop - 1e-6 and rng.random() > 0.04:
                    rows.append((at, _DRUM_HIT, key, accent))
        if fill:
            rows += _write_fill(stop, end, rng)
        if bar % phrase == 0 and rng.random() < 0.6:
            rows.append((begin, _DRUM_HIT, int(rng.choice(_CRASHES)), 8.0))
    return make_line(rows, 0, is_drum=True)


def _write_fill(begin: float, end: float, rng: np.random.Generator) -> list[Row]:
    step = float(rng.choice([0.25, 0.25, 0.5, 1 / 3]))
    times = np.arange(begin, end - 1e-6, step)
    # From the high toms down, as fills go.
    keys = np.sort(rng.choice(_FILLS, len(times)))[::-1]
    return [(float(t), _DRUM_HIT, int(k), float(rng.integers(-8, 9))) for t, k in zip(times, keys)]


def write_bass(harmony: Harmony, rng: np.random.Generator) -> Line:
    """Writes a plucked bass under the lowest voice: held, quavers, root and fifth, or walking."""
    style = str(rng.choice(["held", "quavers", "fifths", "walking"]))
    rows: list[Row] = []
    for beat in range(harmony.beats):
        sounding = harmony.voices[:, beat][harmony.voices[:, beat] != REST]
        if not len(sounding):
            continue
        # The lowest voice that sounds, be it whose it may: rests hand the bass on.
        root = int(sounding.min())
        if style == "quavers":
            rows += [(beat, 0.5, root, 3.0), (beat + 0.5, 0.5, root, -4.0)]
        elif style == "fifths":
            fifth = harmony.step(root, 4 if beat % 2 else 0)
            rows.append((beat, 0.9, fifth, 0.0))
        elif style == "walking":
            rows.append((beat, 1.0, harmony.step(root, int(rng.choice([0, 0, 1, -1, 2]))), 0.0))
        elif beat % 2 == 0:
            rows.append((beat, 2.0, root, 0.0))
    line = make_line(rows, BASS)
    # Steps of the scale may have left the range.
    return replace(line, pitch=fit_to_range(line.pitch, BASS))


def write_pedalled_piano(harmony: Harmony, rng: np.random.Generator, step: float) -> Line:
    """Writes a piano accompaniment whose notes last until the sustain pedal is changed.

    The left hand gives the bass at each pedal change, the right hand chords or arpeggios.

    Args:
      harmony: the voices, one column a beat.
      rng: one generator per song.
      step: length of the arpeggio's notes in beats.
    """
    span = int(rng.choice([1, 2, 2, 4]))
    style = str(rng.choice(["arpeggio", "wave", "block", "pulse"]))
    rows: list[Row] = []
    for begin in range(0, harmony.beats, span):
        up = min(begin + span, harmony.beats)  # where the pedal rises
        tones = harmony.chord(begin, 53, 79)
        sounding = harmony.voices[:, begin][harmony.voices[:, begin] != REST]
        # Where all rest, the pedal rises and nothing is struck.
        if not tones or not len(sounding):
            continue
        # The left hand in the octave above C2, below the right hand's chord of F3 to G5.
        root = 36 + (int(sounding.min()) - 36) % 12
        rows.append((begin, up - begin, root, 4.0))
        if rng.random() < 0.4:
            rows.append((begin, up - begin, root + 12, 0.0))
        if style == "block":
            # Rolled by a hundredth of a beat a note, as no hand falls quite together.
            rolled = [(begin + 0.01 * i, p) for i, p in enumerate(tones[:4])]
            rows += [(at, up - at, p, -4.0) for at, p in rolled]
        elif style == "pulse":
            for at in np.arange(begin, up, max(step, 0.5)):
                rows += [(float(at), up - at, p, -6.0) for p in tones[1:4]]
        else:
            order = tones if style == "arpeggio" else tones + tones[-2:0:-1]
            for i, at in enumerate(np.arange(begin, up, step)):
                rows.append((float(at), up - at, order[i % len(order)], -6.0))
    return replace(make_line(rows, PIANO), pedalled=True)
