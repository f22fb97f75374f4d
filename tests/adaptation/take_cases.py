"""A recording of tones that is long enough, and its notes."""

from pathlib import Path

import numpy as np
import soundfile
from tone_cases import make_score, make_tones

from data_pipelines.alignment.features import SAMPLE_RATE
from mt3synth.symbolic.notes import Notes

SECONDS = 32.0
_RNG = np.random.default_rng(5)
START = 0.5 + 0.5 * np.arange(60)
KEYS = _RNG.integers(48, 84, len(START))
NOTES: Notes = make_score(START, KEYS)
OTHERS: Notes = make_score(START, _RNG.integers(48, 84, len(START)))
"""Of the same rhythm, and of another tune."""


def write_take(path: Path, seconds: float = SECONDS) -> Path:
    audio = make_tones(START, KEYS, attack=0.01, seconds=SECONDS)
    soundfile.write(path, audio[: round(seconds * SAMPLE_RATE)], SAMPLE_RATE)
    return path
