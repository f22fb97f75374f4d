"""Arranges for piano alone: scores in two hands, chords, arpeggios, fast passages, with pedal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data_pipelines.corpus.arrangement.accompaniment import write_pedalled_piano
from data_pipelines.corpus.arrangement.arrange import Arrangement
from data_pipelines.corpus.arrangement.figuration import figure_voice, find_harmony, harmonize_tune
from data_pipelines.corpus.arrangement.instruments import PIANO, fold_into
from data_pipelines.corpus.arrangement.melody import draw_scale, write_melody
from data_pipelines.corpus.arrangement.scores import Score
from data_pipelines.corpus.arrangement.thin import cut_voices, draw_seconds, finish
from data_pipelines.corpus.arrangement.voices import Line, Row, make_line

LOWEST, HIGHEST = 21, 108
_CHORDS = ((0, 4, 7), (0, 3, 7), (0, 4, 7, 10), (0, 3, 7, 10), (0, 7), (0, 12), (0, 4, 7, 12))


def arrange_piano(scores: Sequence[Score], rng: np.random.Generator) -> Arrangement:
    """Arranges a song for piano alone, in one of six textures."""
    bpm = float(rng.uniform(54, 160))
    beats = max(4, round(draw_seconds(rng, 4.0, 40.0) * bpm / 60))
    texture = str(rng.choice(["score", "figured", "accompanied", "chords", "passages", "melody"]))
    if texture == "chords":
        lines = [write_chords(beats, rng)]
    elif texture == "passages":
        lines = [write_passages(beats, bpm, rng)]
    elif texture == "melody":
        lines = [make_line(write_melody(LOWEST, HIGHEST, beats, rng))]
    else:
        lines = _play_score(texture, scores, beats, rng)
    lines = [
        replace(line, program=PIANO, pitch=fold_into(line.pitch, LOWEST, HIGHEST)) for line in lines
    ]
    return finish(lines, bpm, f"piano, {texture}", rng)


def _play_score(
    texture: str, scores: Sequence[Score], beats: int, rng: np.random.Generator
) -> list[Line]:
    """Plays voices of a score: as written, in quick figures, or the top one with a left hand."""
    voices = cut_voices(scores[int(rng.integers(len(scores)))], 4, beats, rng)
    shift = int(rng.integers(-6, 7))
    voices = [replace(line, pitch=line.pitch + shift) for line in voices]
    if texture == "score":
        return voices
    step = float(rng.choice([0.5, 0.25, 1 / 3]))
    harmony = find_harmony(voices, beats)
    if len(voices) == 1:
        harmony = harmonize_tune(voices[0], np.arange(0.0, beats, 4.0), beats)
    if texture == "figured" and len(voices) > 1:
        return [figure_voice(line, harmony, i, rng, step) for i, line in enumerate(voices)]
    # An octave up, out of the way of the left hand.
    melody = replace(voices[0], pitch=voices[0].pitch + 12, level=8.0)
    return [melody, write_pedalled_piano(harmony, rng, step)]


def write_chords(beats: int, rng: np.random.Generator) -> Line:
    """Writes chords of two to six keys in both hands, struck together or rolled, often pedalled."""
    roots = draw_scale(36, 59, rng)
    pedalled = bool(rng.random() < 0.6)
    rows: list[Row] = []
    now = 0.0
    while now < beats:
        span = float(rng.choice([0.5, 1.0, 1.0, 2.0, 2.0, 4.0]))
        # All notes of a chord end together, when the next one is struck or the song ends.
        until = min(now + span, float(beats))
        if rng.random() > 0.08:
            root = int(rng.choice(roots)) + 12 * int(rng.integers(0, 3))
            keys = [root + step for step in _CHORDS[rng.integers(len(_CHORDS))]]
            if rng.random() < 0.6:
                keys += [root - 12, root - 24][: int(rng.integers(1, 3))]
            roll = 0.05 if rng.random() < 0.15 else 0.0
            for i, key in enumerate(sorted(keys)):
                at = now + roll * i
                rows.append((at, max(until - at, 0.1), key, 0.0))
        now = until
    return replace(make_line(rows), pedalled=pedalled)


def write_passages(beats: int, bpm: float, rng: np.random.Generator) -> Line:
    """Writes scales, arpeggios, broken octaves and trills of 6 to 14 notes a second.

    With pedal the notes last to the next change of direction, so that many sound together.
    """
    step = bpm / 60 / float(rng.uniform(6, 14))  # quarters
    pedalled = bool(rng.random() < 0.4)
    scale = draw_scale(LOWEST, HIGHEST, rng)
    at, direction, now = int(rng.integers(len(scale))), 1, 0.0
    rows: list[Row] = []
    while now < beats:
        stride = int(rng.choice([1, 1, 2, 2, 3, 4, 7]))
        direction = -direction if rng.random() < 0.8 else direction
        count = int(rng.integers(6, 28))
        end = min(now + count * step, float(beats))
        for i in range(count):
            start = now + i * step
            if start >= beats:
                break
            at += direction * stride
            if not 0 <= at < len(scale):  # turn round at the end of the keyboard
                direction = -direction
                at = int(np.clip(at + 2 * direction * stride, 0, len(scale) - 1))
            length = end - start if pedalled else step
            rows.append((start, max(length, step), int(scale[at]), 3.0 if i % 4 == 0 else 0.0))
        now = end + (float(rng.choice([1.0, 2.0])) if rng.random() < 0.15 else 0.0)
    return replace(make_line(rows), pedalled=pedalled)
