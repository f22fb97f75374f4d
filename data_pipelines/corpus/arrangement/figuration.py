"""Figuration: the harmony of a score broken into the quick figures of a classical allegro.

A figure turns one beat of one voice into short notes over the chord that sounds on that beat:
Alberti basses, arpeggios, scales, repeated notes, dotted rhythms, trills, off-beat chords.
One beat is one quarter length here; a score in longer values is scaled before it comes in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from data_pipelines.corpus.arrangement.voices import Line, Row, make_line

REST = -1


@dataclass(frozen=True, eq=False)
class Harmony:
    """Holds what every voice sings on every beat.

    Attributes:
      voices: MIDI keys, int64 ``[voices, beats]``, ``REST`` where a voice is silent.
      scale: MIDI keys of the seven most used pitch classes over all octaves, ascending.
    """

    voices: np.ndarray
    scale: np.ndarray

    @property
    def beats(self) -> int:
        return self.voices.shape[1]

    def chord(self, beat: int, low: int, high: int) -> list[int]:
        """Lists the keys of the beat's chord in ``[low, high]``, ascending; none where all rest."""
        classes = {int(p) % 12 for p in self.voices[:, beat] if p != REST}
        return [p for p in range(low, high + 1) if p % 12 in classes]

    def step(self, pitch: int, steps: int) -> int:
        """Moves ``pitch`` by so many steps of the scale."""
        at = int(np.searchsorted(self.scale, pitch)) + steps
        return int(self.scale[np.clip(at, 0, len(self.scale) - 1)])


def find_harmony(lines: Sequence[Line], beats: int) -> Harmony:
    """Samples every line at every beat (the first note of a chord wins)."""
    voices = np.full((len(lines), beats), REST, np.int64)
    weight = np.zeros(12)
    # A little after the beat, where rounding of ties and triplets cannot hide a note.
    times = np.arange(beats) + 0.01
    for row, line in enumerate(lines):
        at = np.searchsorted(line.start, times, side="right") - 1
        sounding = (at >= 0) & (line.start[at] + line.duration[at] > times)
        voices[row, sounding] = line.pitch[at[sounding]]
        np.add.at(weight, line.pitch % 12, line.duration)
    # The seven most used pitch classes are the key's scale, modal and minor ones included.
    classes = np.argsort(-weight, kind="stable")[:7]
    return Harmony(voices, np.array([p for p in range(128) if p % 12 in classes]))


def harmonize_tune(tune: Line, bars: np.ndarray, beats: int) -> Harmony:
    """Sets triads below a melody: in each bar the one that holds most of the tune's time.

    Voices of the result: root, third and fifth around the octave below middle C.
    """
    single = find_harmony([tune], beats)
    classes = sorted({int(p) % 12 for p in single.scale})
    triads = [[classes[(i + j) % len(classes)] for j in (0, 2, 4)] for i in range(len(classes))]
    voices = np.zeros((3, beats), np.int64)
    edges = np.append(bars, beats)
    for beat in range(beats):
        at = max(int(np.searchsorted(edges, beat, side="right")) - 1, 0)
        inside = (tune.start >= edges[at]) & (tune.start < edges[min(at + 1, len(edges) - 1)])
        weight = np.bincount(tune.pitch[inside] % 12, tune.duration[inside], minlength=12)
        # The root counts a little more, to decide between triads that hold the same notes.
        best = max(triads, key=lambda triad: weight[triad].sum() + 1e-3 * weight[triad[0]])
        voices[:, beat] = [48 + c for c in best]
    return Harmony(voices, single.scale)


# A figure plays one beat of a voice: harmony, row of the voice, beat, length of a quick note.
Figure = Callable[[Harmony, int, int, float], list[Row]]


def _spread(pitches: Sequence[int], beat: int, step: float) -> list[Row]:
    count = round(1 / step)
    return [
        (beat + i * step, step, pitches[i % len(pitches)], 4.0 if i == 0 else 0.0)
        for i in range(count)
    ]


def _near_chord(harmony: Harmony, pitch: int, beat: int, below: int, above: int) -> list[int]:
    return harmony.chord(beat, pitch - below, pitch + above) or [pitch]


def repeat(harmony: Harmony, voice: int, beat: int, step: float) -> list[Row]:
    """Strikes the voice's own note again and again."""
    return _spread([int(harmony.voices[voice, beat])], beat, step)


def alberti(harmony: Harmony, voice: int, beat: int, step: float) -> list[Row]:
    """Breaks the chord into low, high, middle, high."""
    tones = _near_chord(harmony, int(harmony.voices[voice, beat]), beat, 0, 12)[:3]
    low, middle, high = tones[0], tones[len(tones) // 2], tones[-1]
    return _spread([low, high, middle, high], beat, step)


def rise(harmony: Harmony, voice: int, beat: int, step: float) -> list[Row]:
    """Runs an arpeggio upwards from the voice's note."""
    return _spread(_near_chord(harmony, int(harmony.voices[voice, beat]), beat, 0, 19), beat, step)


def fall(harmony: Harmony, voice: int, beat: int, step: float) -> list[Row]:
    """Runs an arpeggio down to below the voice's note."""
    return _spread(
        _near_chord(harmony, int(harmony.voices[voice, beat]), beat, 16, 0)[::-1], beat, step
    )


def wave(harmony: Harmony, voice: int, beat: int, step: float) -> list[Row]:
    """Runs an arpeggio up on even beats, down on odd ones."""
    return (rise if beat % 2 == 0 else fall)(harmony, voice, beat, step)


def scale(harmony: Harmony, voice: int, beat: int, step: float) -> list[Row]:
    """Runs from the voice's note towards its next one, up or down the scale where it stays."""
    here = int(harmony.voices[voice, beat])
    there = int(harmony.voices[voice, min(beat + 1, harmony.beats - 1)])
    # Where the voice stays, by turns of two beats, so that a run comes back.
    direction = 1 if there > here or (there == here and beat % 4 < 2) else -1
    count = round(1 / step)
    return _spread([harmony.step(here, direction * i) for i in range(count)], beat, step)


def turn(harmony: Harmony, voice: int, beat: int, step: float) -> list[Row]:
    """Plays the note, its upper neighbour, the note, its lower neighbour."""
    here = int(harmony.voices[voice, beat])
    return _spread([here, harmony.step(here, 1), here, harmony.step(here, -1)], beat, step)


def trill(harmony: Harmony, voice: int, beat: int, step: float) -> list[Row]:
    """Alternates with the upper neighbour, twice as fast as other figures, never past 1/8."""
    here = int(harmony.voices[voice, beat])
    return _spread([here, harmony.step(here, 1)], beat, max(step / 2, 0.125))


def dotted(harmony: Harmony, voice: int, beat: int, step: float) -> list[Row]:
    """Plays a dotted quaver and a semiquaver, the short one a step away."""
    here = int(harmony.voices[voice, beat])
    return [(beat, 0.75, here, 4.0), (beat + 0.75, 0.25, harmony.step(here, 1), -2.0)]


def octaves(harmony: Harmony, voice: int, beat: int, step: float) -> list[Row]:
    """Breaks the note into octaves."""
    here = int(harmony.voices[voice, beat])
    return _spread([here, here + 12], beat, step)


def offbeat(harmony: Harmony, voice: int, beat: int, step: float) -> list[Row]:
    """Rests on the beat, and plays a double stop after it."""
    tones = _near_chord(harmony, int(harmony.voices[voice, beat]), beat, 0, 9)[:2]
    count = round(1 / step)
    return [(beat + i * step, step, p, 0.0) for i in range(1, count, 2) for p in tones]


def double_stops(harmony: Harmony, voice: int, beat: int, step: float) -> list[Row]:
    """Repeats two notes of the chord together."""
    tones = _near_chord(harmony, int(harmony.voices[voice, beat]), beat, 0, 9)[:2]
    return [row for p in tones for row in _spread([p], beat, step)]


def hold(harmony: Harmony, voice: int, beat: int, step: float) -> list[Row]:
    """Holds the voice's note for the whole beat."""
    return [(beat, 1.0, int(harmony.voices[voice, beat]), 0.0)]


def rest(harmony: Harmony, voice: int, beat: int, step: float) -> list[Row]:
    """Plays nothing."""
    return []


# Figures with their relative weights, after what outer and inner voices do in classical quartets.
LEADING: tuple[tuple[Figure, float], ...] = (
    (scale, 4), (turn, 2), (dotted, 2), (trill, 1), (rise, 1), (wave, 2), (repeat, 2),
    (fall, 1), (hold, 3), (octaves, 0.5), (rest, 0.5),
)  # fmt: skip
INNER: tuple[tuple[Figure, float], ...] = (
    (repeat, 5), (alberti, 3), (wave, 1.5), (offbeat, 2), (double_stops, 1.5), (hold, 3),
    (turn, 0.5), (scale, 1), (rest, 1),
)  # fmt: skip
LOWEST: tuple[tuple[Figure, float], ...] = (
    (hold, 5), (repeat, 4), (octaves, 0.5), (rise, 0.7), (scale, 1), (dotted, 0.7),
    (alberti, 0.7), (rest, 0.7),
)  # fmt: skip


def figure_voice(
    line: Line, harmony: Harmony, voice: int, rng: np.random.Generator, step: float
) -> Line:
    """Breaks a voice into figures that change every few beats; now and then it stays as written.

    Args:
      line: the voice as written, in beats; it gives program and level too.
      harmony: all voices.
      voice: the row of ``harmony`` that is this voice.
      rng: one generator per song.
      step: length of the quick notes in beats (1/2, 1/3, 1/4 or 1/8).
    """
    count = len(harmony.voices)
    choices = LEADING if voice == 0 else LOWEST if voice == count - 1 else INNER
    # The outer voices have figures of their own: a bass does not trill, a tune does not wait off
    # the beat.
    weights = np.array([w for _, w in choices])
    rows: list[Row] = []
    beat = 0
    while beat < harmony.beats:
        last = min(beat + int(rng.choice([2, 4, 4, 8, 8])), harmony.beats)
        # Not all voices run at once: a quarter of the passages goes at half the speed.
        pace = step if rng.random() < 0.75 else min(2 * step, 0.5)
        figure = choices[rng.choice(len(choices), p=weights / weights.sum())][0]
        if rng.random() < 0.12:
            inside = (line.start >= beat) & (line.start < last)
            # Cut at the end of the passage, for the next figure begins there.
            rows += zip(
                line.start[inside].tolist(),
                np.minimum(line.duration[inside], last - line.start[inside]).tolist(),
                line.pitch[inside].tolist(),
                line.accent[inside].tolist(),
            )
        else:
            for at in range(beat, last):
                if harmony.voices[voice, at] != REST:
                    rows += figure(harmony, voice, at, pace)
        beat = last
    made = make_line(join_held(rows), line.program)
    return replace(made, level=line.level)


def join_held(rows: Sequence[Row]) -> list[Row]:
    """Joins notes a whole beat long that touch and repeat a pitch into one long note."""
    result: list[Row] = []
    for row in sorted(rows):
        if result and row[1] >= 1.0:
            start, duration, pitch, accent = result[-1]
            touching = abs(start + duration - row[0]) < 1e-6 and pitch == row[2]
            if touching and 1.0 <= duration < 3.0:
                result[-1] = (start, duration + row[1], pitch, accent)
                continue
        result.append(row)
    return result
