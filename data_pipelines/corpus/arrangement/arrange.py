"""Arranges a score: which excerpt, how fast, on which instruments, in which figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from data_pipelines.corpus.arrangement import instruments
from data_pipelines.corpus.arrangement.accompaniment import (
    write_bass,
    write_drums,
    write_pedalled_piano,
)
from data_pipelines.corpus.arrangement.figuration import (
    Harmony,
    figure_voice,
    find_harmony,
    harmonize_tune,
)
from data_pipelines.corpus.arrangement.instruments import PIANO, STRINGS, VIOLIN, fit_to_range
from data_pipelines.corpus.arrangement.scores import Score
from data_pipelines.corpus.arrangement.voices import Line, cut_excerpt, find_bars, make_line

SHORTEST_S, LONGEST_S = 20.0, 45.0
# Shares of songs. Most public-domain scores are vocal or move in crotchets, so two in five are
# broken into quick figures; bowed quartets lead because the held-out music is written for them.
_FIGURED, _BOWED, _PIANO, _BAND = 0.40, 0.45, 0.20, 0.20
_STEPS = (0.5, 0.5, 1 / 3, 0.25, 0.25, 0.125)  # of a beat
# Notes per second in one voice and in all figured ones; faster ones blur into a tremolo.
_FASTEST, _DENSEST = 13.0, 22.0


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Lines ready to be played.

    Attributes:
      lines: one a player, in quarter lengths, inside their instruments' ranges.
      bars: bar lines, quarter lengths.
      bpm: quarters per minute.
      source: where the score came from.
      loudness: mean velocity, 10..127; None leaves it to the player.
      contrast: factor on the player's swells and unevenness.
      lead_s: seconds before the first beat; with 0 the first note begins on the first sample.
      ring_out_s: seconds of sound after the last note's end.
    """

    lines: tuple[Line, ...]
    bars: np.ndarray
    bpm: float
    source: str
    loudness: float | None = None
    contrast: float = 1.0
    lead_s: float = 0.1  # so that a player may come early
    ring_out_s: float = 1.5


def cut_plain_excerpts(score: Score) -> list[Arrangement]:
    """Cuts a score as written, for a string quartet, at bar lines into excerpts of up to 45 s.

    The printed tempo is used, halved or doubled into 60..150 quarters per minute; 112 where
    nothing is printed. Used for the held-out composers.
    """
    bpm = score.tempos[0][1] if score.tempos else 112.0
    # A mark may count minims or quavers as its beat: the same music a factor 2 off.
    while bpm > 150:
        bpm /= 2
    while bpm < 60:
        bpm *= 2
    bars = [b for b in score.bars if b < score.length] or [0.0]
    result, begin = [], bars[0]
    while score.length - begin > SHORTEST_S * bpm / 60:
        longest = begin + LONGEST_S * bpm / 60
        # Without a bar line in reach, as in an unmeasured passage, the cut falls anywhere.
        end = max(
            (b for b in [*bars, score.length] if begin < b <= longest + 1e-6), default=longest
        )
        # By the first seating and without a generator: held-out arrangements are the same for every
        # seed.
        lines = _seat(cut_excerpt(score, begin, end - begin), choose_quartet(len(score.parts)))
        if lines:
            bars_here = find_bars(score, begin, end - begin)
            result.append(Arrangement(tuple(lines), bars_here, bpm, score.source))
        # Where the last one ended, so that no bar is heard twice.
        begin = end
    return result


def arrange(score: Score, rng: np.random.Generator) -> Arrangement:
    """Arranges one song of the training set, everything drawn from ``rng``."""
    seconds = float(rng.uniform(SHORTEST_S, LONGEST_S))
    if len(score.parts) > 1 and rng.random() < _FIGURED:
        return _arrange_figured(score, rng, seconds)
    # The tempo follows from how busy the score is written, not from its mark: old scores move in
    # semibreves, tune books in quavers, and both have to sound at every speed.
    rate = float(np.exp(rng.uniform(np.log(1.2), np.log(8.0))))  # notes per second of a busy voice
    busiest = max(len(set(p.start)) for p in score.parts) / score.length
    # Bounded, for a score of long notes alone would run away.
    bpm = float(np.clip(60 * rate / busiest, 40, 320))
    length = seconds * bpm / 60
    start = _choose_start(score, length, rng)
    lines = cut_excerpt(score, start, length)
    bars = find_bars(score, start, length)
    lines = _accompany(lines[0], bars, rng) if len(lines) == 1 else _orchestrate(lines, rng)
    return _finish(lines, bars, bpm, score, rng)


def _arrange_figured(score: Score, rng: np.random.Generator, seconds: float) -> Arrangement:
    beat = _find_beat(score)
    bpm = float(rng.uniform(56, 150))
    beats = int(seconds * bpm / 60)
    start = _choose_start(score, beats * beat, rng)
    lines = [line.scale_time(1 / beat) for line in cut_excerpt(score, start, beats * beat)]
    bars = find_bars(score, start, beats * beat) / beat
    # Figures count in beats: from here on a beat is one quarter, whatever the score calls it.
    fits = [s for s in _STEPS if bpm / 60 / s <= _FASTEST]
    step = float(rng.choice(fits))
    # Of the voices as written, before doubling adds any.
    harmony = find_harmony(lines, beats)
    lines = _orchestrate(lines, rng, in_parts=True)
    # So many voices may be figured that together they stay below the densest that is allowed.
    share = min(float(rng.uniform(0.3, 1.0)), _DENSEST * 60 * step / bpm / len(lines))
    made = []
    for voice, line in enumerate(lines):
        if rng.random() < share and voice < len(harmony.voices):
            line = figure_voice(line, harmony, voice, rng, step)
        made.append(line)
    return _finish(made, bars, bpm, score, rng)


def _finish(
    lines: Sequence[Line], bars: np.ndarray, bpm: float, score: Score, rng: np.random.Generator
) -> Arrangement:
    """Transposes, adds a band to some songs, balances, and folds every line into its range."""
    lines = [line for line in lines if len(line)]
    # Read off the notes: figures may end before the excerpt does.
    length = max((float((x.start + x.duration).max()) for x in lines), default=0.0)
    # Up to a tritone either way, so that no key is heard more than others.
    shift = int(rng.integers(-6, 6))
    lines = [replace(line, pitch=line.pitch + shift) for line in lines]
    if rng.random() < _BAND:
        harmony = find_harmony(lines, int(length)) if len(lines) > 1 else None
        if harmony is None and lines:
            harmony = harmonize_tune(lines[0], bars, int(length))
        if rng.random() < 0.75 and harmony is not None:
            lines.append(write_bass(harmony, rng))
        if rng.random() < 0.75:
            kit = write_drums(bars[bars < length], length, rng)
            # A kit played as hard as the others would cover them.
            lines.append(replace(kit, level=float(rng.uniform(-20, 0))))
    # Last, for transposing and doubling leave the range; drums have keys, not pitches.
    lines = [
        line if line.is_drum else replace(line, pitch=fit_to_range(line.pitch, line.program))
        for line in lines
        if len(line)
    ]
    return Arrangement(tuple(lines), bars, bpm, score.source)


def _orchestrate(lines: list[Line], rng: np.random.Generator, in_parts: bool = False) -> list[Line]:
    """Gives the voices to a quartet, a piano or another ensemble, and doubles some of them.

    With ``in_parts`` the first lines of the result stay the voices, in their order.
    """
    draw = rng.random()
    if draw < _BOWED:
        seats = choose_quartet(len(lines), rng)
        # The same voices now and then as sections, on the one program that stands for them.
        if rng.random() < 0.12:
            seats = (STRINGS,) * len(lines)
    elif draw < _BOWED + _PIANO:
        return _give_to_piano(lines, rng, in_parts)
    else:
        seats = instruments.ENSEMBLES[rng.integers(len(instruments.ENSEMBLES))]
    seated = _seat(lines, seats, rng)
    if rng.random() < 0.15:
        voice = int(rng.integers(len(seated)))
        programs = list(instruments.INSTRUMENTS)
        double = int(rng.choice(programs))
        octave = 12 * int(rng.choice([-1, 0, 0, 1]))
        line = seated[voice]
        seated.append(replace(line, program=double, pitch=line.pitch + octave, level=-6.0))
    return seated


def _give_to_piano(lines: list[Line], rng: np.random.Generator, in_parts: bool) -> list[Line]:
    """Gives all voices to the piano, or the top one to a soloist over a pedalled accompaniment."""
    draw = rng.random()
    # Figures need the voices in their order, which an accompaniment would replace.
    if in_parts or draw < 0.4:
        return _seat(lines, (PIANO,) * len(lines), rng)
    beats = max(int(max((x.start + x.duration).max() for x in lines)), 1)
    # Drawn here and handed on, so that both hands keep one pace.
    step = float(rng.choice([0.5, 0.25, 1 / 3]))
    accompaniment = write_pedalled_piano(find_harmony(lines, beats), rng, step)
    soloist = PIANO if draw < 0.6 else int(rng.choice(instruments.SOLOISTS))
    # The soloist stands 12 above the accompaniment, as a singer does.
    solo = replace(lines[0], program=soloist, level=8.0)
    return [solo, replace(accompaniment, level=-4.0)]


def _accompany(tune: Line, bars: np.ndarray, rng: np.random.Generator) -> list[Line]:
    """Leaves a melody alone, or sets it over a piano or over held chords."""
    draw = rng.random()
    program = VIOLIN if draw < 0.45 else int(rng.choice((*instruments.SOLOISTS, PIANO, PIANO)))
    lines = [replace(tune, program=program)]
    harmony: Harmony | None = None
    draw = rng.random()
    if draw < 0.5:
        beats = max(int((tune.start + tune.duration).max()), 1)
        harmony = harmonize_tune(tune, bars, beats)
        if draw < 0.25:
            lines.append(write_pedalled_piano(harmony, rng, float(rng.choice([0.5, 1.0, 0.25]))))
        else:
            seats = (
                (instruments.VIOLA, instruments.CELLO) if draw < 0.4 else (instruments.GUITAR,) * 3
            )
            for voice, seat in enumerate(seats):
                plain = replace(make_line([], seat), level=-8.0)
                lines.append(figure_voice(plain, harmony, voice, rng, 0.5))
    return lines


def _seat(
    lines: Sequence[Line], seats: Sequence[int], rng: np.random.Generator | None = None
) -> list[Line]:
    """Hands voices out top to bottom; with ``rng`` the balance varies, the top one comes out."""
    result = []
    for voice, line in enumerate(lines):
        seat = seats[min(voice * len(seats) // len(lines), len(seats) - 1)]
        level = 0.0
        if rng is not None:
            level = float(rng.uniform(0, 12) if voice == 0 else rng.uniform(-12, 4))
        pitch = fit_to_range(line.pitch, seat)
        result.append(replace(line, program=seat, level=level, pitch=pitch))
    return result


def choose_quartet(voices: int, rng: np.random.Generator | None = None) -> tuple[int, ...]:
    """Returns the seats of strings for so many voices, from the top; the usual ones without rng."""
    seatings = instruments.QUARTETS[min(max(voices, 1), 5)]
    return seatings[0 if rng is None else rng.integers(len(seatings))]


def _find_beat(score: Score) -> float:
    """Finds the note value that moves like a beat, 1/2 to 4 quarters, by the median note."""
    # The median withstands the few long notes of a final bar, which a mean does not.
    middle = float(np.median(np.concatenate([p.duration for p in score.parts])))
    return float(np.clip(2.0 ** np.round(np.log2(middle)), 0.5, 4.0))


def _choose_start(score: Score, length: float, rng: np.random.Generator) -> float:
    """Chooses a bar line to begin at, such that the excerpt fits into the score where it can."""
    bars = [b for b in score.bars if b + length <= score.length]
    return float(bars[rng.integers(len(bars))]) if bars else 0.0
