"""Arranges thin music: one part alone, two or three, and scores that begin and end at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data_pipelines.corpus.arrangement.arrange import Arrangement, arrange
from data_pipelines.corpus.arrangement.figuration import harmonize_tune
from data_pipelines.corpus.arrangement.instruments import (
    BASS,
    CELLO,
    GUITAR,
    HARP,
    INSTRUMENTS,
    MALLETS,
    ORGAN,
    PIANO,
    STRINGS,
    VIOLA,
    find_range,
    fit_to_range,
    fold_into,
)
from data_pipelines.corpus.arrangement.melody import draw_rests, open_rests, write_melody
from data_pipelines.corpus.arrangement.scores import Score
from data_pipelines.corpus.arrangement.voices import Line, Row, cut_excerpt, make_line

PROGRAMS = tuple(INSTRUMENTS)
_CHORDAL = (ORGAN, GUITAR, HARP, MALLETS, STRINGS)
_FROM_SCORE = 0.4  # of solo lines; the rest is written, for scores seldom leave the middle register
_LONG_RESTS = 0.2


def draw_edges(arrangement: Arrangement, rng: np.random.Generator) -> Arrangement:
    """Draws silence before and after: none, a breath, or seconds.

    Half of the songs begin on the first sample, as a file made by hand does; one in ten ends on the
    last, with its last note.
    """
    begin, end = rng.random(), rng.random()
    lead = 0.0 if begin < 0.5 else 0.1 if begin < 0.7 else float(rng.uniform(0.2, 3.0))
    ring_out = (
        0.0 if end < 0.1 else float(rng.uniform(1.5, 3.0) if end < 0.7 else rng.uniform(3, 6))
    )
    return replace(arrangement, lead_s=lead, ring_out_s=ring_out)


def draw_loudness(rng: np.random.Generator) -> float:
    """Draws a song's mean velocity over all that MIDI has, a little oftener soft than loud."""
    return float(rng.triangular(10, 60, 127) if rng.random() < 0.5 else rng.uniform(10, 127))


def draw_seconds(rng: np.random.Generator, shortest: float = 2.0, longest: float = 30.0) -> float:
    """Draws a length, as likely between 2 and 4 s as between 15 and 30."""
    return float(np.exp(rng.uniform(np.log(shortest), np.log(longest))))


def arrange_solo(scores: Sequence[Score], rng: np.random.Generator) -> Arrangement:
    """Arranges a line of one instrument alone, or chords of one that can play them."""
    program = int(rng.choice(PROGRAMS))
    bpm, beats = draw_tempo(rng)
    if rng.random() < _FROM_SCORE:
        line = _cut_line(scores, beats, rng)
    else:
        line = make_line(write_melody(*find_range(program), beats, rng))
    lines = [_seat(line, program)]
    if program in _CHORDAL and rng.random() < 0.5:
        lines.append(_seat(_write_chords(lines[0], beats), program, level=-6.0))
    return finish(lines, bpm, f"solo {INSTRUMENTS[program].name}", rng)


def arrange_parts(scores: Sequence[Score], rng: np.random.Generator) -> Arrangement:
    """Arranges two or three parts: voices of a score, or a melody over held notes or a bass."""
    bpm, beats = draw_tempo(rng, shortest=6.0)
    count = int(rng.choice([2, 2, 3]))
    if rng.random() < 0.5:
        lines = cut_voices(_choose_voiced(scores, rng), count, beats, rng)
        seats = [int(p) for p in rng.choice(PROGRAMS, len(lines))]
    else:
        lead = int(rng.choice(PROGRAMS))
        melody = make_line(write_melody(*find_range(lead), beats, rng))
        chords = _write_chords(melody, beats)
        # One voice of the chords for each further part, which is then a part of single notes.
        voices = [chords.select(np.arange(i, len(chords), 3)) for i in range(count - 1)]
        pads = [(STRINGS, STRINGS), (VIOLA, CELLO), (PIANO, PIANO), (ORGAN, BASS), (HARP, CELLO)]
        lines, seats = [melody, *voices], [lead, *pads[rng.integers(len(pads))]]
    lines = [_seat(*each) for each in zip(lines, seats, (4.0, -6.0, -4.0))]
    return finish(lines, bpm, f"{len(lines)} parts", rng)


def arrange_soft(scores: Sequence[Score], rng: np.random.Generator) -> Arrangement:
    """Arranges a whole song for any ensemble, soft from beginning to end."""
    # By the same arranger as all others: what is to be learned here is how it sounds soft.
    song = arrange(_choose_voiced(scores, rng), rng)
    # Levels of parts stay; dynamics are narrowed, for a crescendo would leave the soft.
    song = replace(song, loudness=float(rng.uniform(12, 38)), contrast=0.4)
    return replace(draw_edges(song, rng), source=f"soft: {song.source}")


def arrange_abrupt(scores: Sequence[Score], rng: np.random.Generator) -> Arrangement:
    """Arranges a whole song for any ensemble that begins and ends as a file made by hand does."""
    song = draw_edges(arrange(_choose_voiced(scores, rng), rng), rng)
    return replace(song, source=f"edges: {song.source}")


def _seat(line: Line, program: int, level: float = 0.0) -> Line:
    """Gives a line to an instrument, within the range in which it is heard."""
    # The line as a whole first, which keeps its contour; then what no soundfont sounds.
    pitch = fold_into(fit_to_range(line.pitch, program), *find_range(program))
    return replace(line, program=program, pitch=pitch, level=level)


def _choose_voiced(scores: Sequence[Score], rng: np.random.Generator) -> Score:
    """Chooses a score in parts, or any if there is none."""
    voiced = [s for s in scores if len(s.parts) > 1] or scores
    return voiced[int(rng.integers(len(voiced)))]


def draw_tempo(rng: np.random.Generator, shortest: float = 2.0) -> tuple[float, float]:
    """Draws quarters per minute, and how many quarters the song has, at least two."""
    bpm = float(rng.uniform(50, 180))
    return bpm, max(2.0, float(round(draw_seconds(rng, shortest) * bpm / 60)))


def _cut_line(scores: Sequence[Score], beats: float, rng: np.random.Generator) -> Line:
    """Cuts a voice of some score from a random bar on; its first note begins at once."""
    line = cut_voices(scores[int(rng.integers(len(scores)))], 1, beats, rng)[0]
    return replace(line, start=line.start - line.start[0])


def cut_voices(score: Score, count: int, beats: float, rng: np.random.Generator) -> list[Line]:
    # From a bar line, so that a voice begins as music does.
    bars = [b for b in score.bars if b + beats <= score.length] or [0.0]
    lines = cut_excerpt(score, float(bars[rng.integers(len(bars))]), beats)
    if not lines:  # an excerpt of rests
        # The whole score, which has notes somewhere.
        lines = cut_excerpt(score, 0.0, score.length)
    chosen = np.sort(rng.permutation(len(lines))[:count])
    return [lines[i] for i in chosen]


def _write_chords(melody: Line, beats: float) -> Line:
    """Writes a triad below the melody in every bar, held for the bar."""
    bars = np.arange(0.0, beats, 4.0)
    harmony = harmonize_tune(melody, bars, max(int(np.ceil(beats)), 1))
    rows: list[Row] = []
    for bar in bars:
        for key in harmony.voices[:, int(bar)]:
            rows.append((float(bar), float(min(4.0, beats - bar)), int(key), 0.0))
    return make_line(rows)


def finish(lines: Sequence[Line], bpm: float, source: str, rng: np.random.Generator) -> Arrangement:
    """Opens long rests in some songs, and draws loudness and edges."""
    lines = [line for line in lines if len(line)]
    beats = max(float((line.start + line.duration).max()) for line in lines)
    if rng.random() < _LONG_RESTS:
        # All lines rest together, for about four seconds.
        rests = draw_rests(beats, 4.0 * bpm / 60, rng)
        lines = [open_rests(line, rests) for line in lines]
        beats += sum(rest for _, rest in rests)
    bars = np.arange(0.0, beats, 4.0)
    song = Arrangement(tuple(lines), bars, bpm, source, draw_loudness(rng), contrast=0.4)
    return draw_edges(song, rng)
