"""Writes melodies: walks through a scale in a rhythm, over whatever range they are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data_pipelines.corpus.arrangement.voices import Line, Row

SCALES: tuple[tuple[int, ...], ...] = (
    (0, 2, 4, 5, 7, 9, 11),  # major
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),  # minor
    (0, 2, 3, 5, 7, 8, 11),  # harmonic minor
    (0, 2, 3, 5, 7, 9, 10),  # dorian
    (0, 2, 4, 7, 9),  # pentatonic
    tuple(range(12)),
)
# Rhythms of two beats; a song keeps to three of them, so that it sounds like one.
RHYTHMS: tuple[tuple[float, ...], ...] = (
    (1, 1),
    (1, 0.5, 0.5),
    (0.5,) * 4,
    (2,),
    (1.5, 0.5),
    (0.75, 0.25, 1),
    (1 / 3,) * 6,
    (0.25,) * 8,
    (0.5, 0.25, 0.25, 1),
)
_REST = 0.1  # share of notes that are left out
_BAR = 4.0


def draw_scale(low: int, high: int, rng: np.random.Generator) -> np.ndarray:
    """Draws the keys of a scale in ``[low, high]``, int64 ``[n]``, ascending."""
    tonic = int(rng.integers(12))
    steps = SCALES[rng.integers(len(SCALES))]
    return np.array([k for k in range(low, high + 1) if (k - tonic) % 12 in steps], np.int64)


def write_melody(low: int, high: int, beats: float, rng: np.random.Generator) -> list[Row]:
    """Writes a melody of ``beats`` quarters within the keys ``[low, high]``.

    Most steps go to a neighbour in the scale; some repeat the note, some leap up to an octave.
    """
    scale = draw_scale(low, high, rng)
    rhythms = [RHYTHMS[i] for i in rng.integers(0, len(RHYTHMS), 3)]
    # The melody stays about a centre that is as likely at either end of the range as anywhere.
    centre, reach = int(rng.integers(len(scale))), int(rng.integers(4, 12))
    lowest, highest = max(centre - reach, 0), min(centre + reach, len(scale) - 1)
    at, rows, now = centre, [], 0.0
    while now < beats:
        for duration in rhythms[rng.integers(3)]:
            if rng.random() >= _REST:
                accent = 4.0 if now % _BAR == 0 else float(rng.normal(0, 2))
                rows.append((now, min(duration, beats - now), int(scale[at]), accent))
            # Named twice is twice as likely.
            step = int(rng.choice([-1, 1, -1, 1, -2, 2, 0, int(rng.integers(-6, 7))]))
            at = int(np.clip(at + step, lowest, highest))
            now += duration
            if now >= beats:
                break
    # A song of nothing but rests is none.
    return rows or [(0.0, 1.0, int(scale[centre]), 0.0)]


def draw_rests(beats: float, rest: float, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Draws one to three bar lines in ``beats``, each with a rest of about ``rest`` quarters."""
    count = int(rng.integers(1, 4))
    bars = _BAR * np.round(rng.uniform(0, beats, count) / _BAR)
    return list(zip(bars.tolist(), (rest * rng.uniform(0.5, 1.5, count)).tolist()))


def open_rests(line: Line, rests: Sequence[tuple[float, float]]) -> Line:
    """Opens rests in a line: what begins after a bar line comes later, what crosses it is cut."""
    start, duration = line.start, line.duration
    for bar, rest in sorted(rests, reverse=True):  # from the end: the bar lines before it stay
        before = start < bar
        duration = np.where(before, np.minimum(duration, bar - start), duration)
        start = np.where(before, start, start + rest)
    return replace(line, start=start, duration=duration)
