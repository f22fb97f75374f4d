"""Arranges the least music: notes one at a time, held notes and chords, drum hits and patterns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data_pipelines.corpus.arrangement.accompaniment import GROOVES
from data_pipelines.corpus.arrangement.arrange import Arrangement
from data_pipelines.corpus.arrangement.instruments import (
    BASSOON,
    CELLO,
    CHOIR,
    CLARINET,
    FLUTE,
    HORN,
    INSTRUMENTS,
    LEAD,
    OBOE,
    ORGAN,
    STRINGS,
    TRUMPET,
    VIOLA,
    VIOLIN,
    find_range,
)
from data_pipelines.corpus.arrangement.scores import Score
from data_pipelines.corpus.arrangement.thin import PROGRAMS, draw_edges, draw_loudness, draw_seconds
from data_pipelines.corpus.arrangement.voices import Line, Row, make_line

SUSTAINED = (ORGAN, STRINGS, CHOIR, VIOLIN, VIOLA, CELLO, FLUTE, OBOE, CLARINET, BASSOON, TRUMPET,
             HORN, LEAD)  # fmt: skip
_TOGETHER = (ORGAN, STRINGS, CHOIR, LEAD, HORN, VIOLIN)  # heard in held chords, too
_CHORDS = ((0, 4, 7), (0, 3, 7), (0, 7), (0, 4, 7, 12), (0, 5, 9), (0, 12))
DRUM_KEYS = tuple(range(35, 82))  # those of General MIDI's kit, which every soundfont has
_HIT = 0.2
_LOUDEST, _SOFTEST = 127, 10


def arrange_single_notes(scores: Sequence[Score], rng: np.random.Generator) -> Arrangement:
    """Arranges single or repeated notes of one instrument, each of a velocity of its own.

    In one song of two the silences between last until a note has died away. Counts in seconds: a
    quarter is one.
    """
    program = int(rng.choice(PROGRAMS))
    low, high = find_range(program)
    longest_rest = float(rng.choice([1.0, 4.0]))
    rows: list[Row] = []
    now, end = 0.0, draw_seconds(rng, 1.0, 25.0)
    while now < end:
        key = int(rng.integers(low, high + 1))
        velocity = float(rng.integers(_SOFTEST, _LOUDEST + 1))
        # By its logarithm, so that short notes are as frequent as long ones.
        length = float(np.exp(rng.uniform(np.log(0.08), np.log(3.0))))
        for _ in range(int(rng.integers(2, 9)) if rng.random() < 0.3 else 1):
            rows.append((now, length, key, velocity))
            now += length * float(rng.choice([1.0, 1.25, 2.0]))
        now += float(rng.uniform(0, longest_rest)) if rng.random() < 0.8 else 0.0
    return _finish(rows, program, f"single notes, {INSTRUMENTS[program].name}", rng)


def arrange_held_notes(scores: Sequence[Score], rng: np.random.Generator) -> Arrangement:
    """Arranges notes or chords held for 2 to 12 s by an instrument that can hold them.

    Velocities stay about one level: it is not loudness that is to tell where a note ends.
    """
    program = int(rng.choice(SUSTAINED))
    low, high = find_range(program)
    chords = program in _TOGETHER and rng.random() < 0.6
    level = draw_loudness(rng)
    rows: list[Row] = []
    now, end = 0.0, draw_seconds(rng, 3.0, 36.0)
    while now < end:
        length = float(rng.uniform(2.0, 12.0))
        steps = _CHORDS[rng.integers(len(_CHORDS))] if chords else (0,)
        # So low that the chord's highest note is in range, too.
        root = int(rng.integers(low, high + 1 - steps[-1]))
        velocity = float(np.clip(level + rng.normal(0, 6), _SOFTEST, _LOUDEST))
        rows += [(now, length, root + step, velocity) for step in steps]
        now += length + (float(rng.uniform(0, 2.5)) if rng.random() < 0.5 else 0.0)
    return _finish(rows, program, f"held notes, {INSTRUMENTS[program].name}", rng)


def arrange_drums(scores: Sequence[Score], rng: np.random.Generator) -> Arrangement:
    """Arranges drums alone: single hits far apart, or one to three voices of a groove."""
    rows: list[Row] = []
    end = draw_seconds(rng, 1.5, 24.0)
    if rng.random() < 0.55:
        keys = rng.choice(DRUM_KEYS, int(rng.integers(1, 6)))
        now = 0.0
        while now < end:
            velocity = float(rng.integers(_SOFTEST, _LOUDEST + 1))
            rows.append((now, _HIT, int(rng.choice(keys)), velocity))
            now += float(np.exp(rng.uniform(np.log(0.15), np.log(3.0))))
        return _finish(rows, None, "drum hits", rng)
    groove = list(GROOVES.values())[rng.integers(len(GROOVES))]
    voices = rng.permutation(list(groove))[: int(rng.integers(1, 4))].tolist()
    beat, level = float(rng.uniform(0.35, 1.0)), draw_loudness(rng)  # seconds
    for bar in np.arange(0.0, end, 4 * beat):
        for key in voices:
            for sixteenth, accent in groove[key]:
                velocity = float(np.clip(level + accent, _SOFTEST, _LOUDEST))
                rows.append((float(bar) + beat * sixteenth / 4, _HIT, int(key), velocity))
    return _finish(rows, None, "drum pattern", rng)


def _finish(
    rows: Sequence[Row], program: int | None, source: str, rng: np.random.Generator
) -> Arrangement:
    """Makes an arrangement of rows in seconds whose accents are velocities; a drum kit for None."""
    line: Line = make_line(rows, program or 0, is_drum=program is None)
    # The velocities are the notes' own: nothing swells, and durations stay as they are.
    line = Line(
        line.start, line.duration, line.pitch, line.accent - 64, line.program, line.is_drum,
        pedalled=True,
    )  # fmt: skip
    # Sixty quarters a minute, so that rows in seconds are rows in quarters.
    song = Arrangement((line,), np.zeros(0), 60.0, source, loudness=64.0, contrast=0.0)
    return draw_edges(song, rng)
