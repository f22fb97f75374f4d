"""Tones made by hand, and the scores of them."""

import numpy as np

from data_pipelines.alignment.features import SAMPLE_RATE
from mt3synth.symbolic.notes import Notes


def make_tones(start: np.ndarray, keys: np.ndarray, attack: float, seconds: float) -> np.ndarray:
    """Makes decaying tones with four harmonics that rise linearly for ``attack`` seconds."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    audio = 1e-4 * np.random.default_rng(0).standard_normal(len(time))
    for key, begin in zip(keys, start):
        # After four seconds a tone is less than a thousandth of the noise.
        sounds = slice(*np.searchsorted(time, (begin, begin + 4)))
        since = time[sounds] - begin
        level = np.minimum(since / attack, 1) * np.exp(-4 * since)
        for harmonic in range(1, 5):
            hz = 440 * 2 ** ((key - 69) / 12) * harmonic
            audio[sounds] += 0.1 / harmonic * level * np.sin(2 * np.pi * hz * since)
    return audio.astype(np.float32)


def make_score(start: np.ndarray, keys: np.ndarray, program: np.ndarray | None = None) -> Notes:
    """Writes notes of 0.4 s."""
    same = np.ones(len(start), int)
    program = 0 * same if program is None else program
    return Notes(start, start + 0.4, keys, 80 * same, program, same == 0)
