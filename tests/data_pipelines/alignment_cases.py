"""Recordings whose alignment is known: scores rendered along a tempo curve of our own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from data_pipelines.alignment.features import SAMPLE_RATE
from data_pipelines.corpus.performances import Performance
from data_pipelines.corpus.sound.render import render
from mt3synth.symbolic.midi import read_midi
from mt3synth.symbolic.notes import Notes

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
Curve = Callable[[np.ndarray], np.ndarray]


def example(name: str, seconds: float) -> Notes:
    """Reads the beginning of a song of docs/examples."""
    return read_midi(EXAMPLES / f"{name}.mid")[0].cropped(0.0, seconds)


def tempo_curve(seconds: float, seed: int, lead: float = 0.0, pauses: int = 0) -> Curve:
    """Maps seconds of a score to those of a recording: a smooth tempo from 80 to 120 %.

    Two sines with periods of 8 to 25 s, scaled to reach 20 % one way. The recording begins
    ``lead`` seconds before the music, which also waits 0.8 s at each of ``pauses`` places.
    """
    rng = np.random.default_rng(seed)
    step = 0.01
    time = np.arange(0.0, seconds + 5, step)
    periods, phases = rng.uniform(8, 25, 2), rng.uniform(0, 2 * np.pi, 2)
    swing = np.sin(2 * np.pi * time / periods[0] + phases[0])
    swing += 0.6 * np.sin(2 * np.pi * time / periods[1] + phases[1])
    tempo = 1 + 0.2 * swing / np.abs(swing).max()
    there = lead + step * np.concatenate([[0.0], np.cumsum(1 / tempo)[:-1]])
    for at in rng.uniform(0.1, 0.9, pauses) * seconds:
        there[time > at] += 0.8
    return lambda score: np.interp(score, time, there)


def played(score: Notes, curve: Curve) -> Notes:
    """Moves the score to the curve's times."""
    return score.replace(start=curve(score.start), end=curve(score.end))


def recorded(notes: Notes, performance: Performance) -> np.ndarray:
    """Renders the performance at the rate that alignment works with."""
    return render(notes, performance, SAMPLE_RATE, np.random.default_rng(0))
