"""The 10 ms grid on which event tokens and piano rolls place notes."""

from __future__ import annotations

import numpy as np

STEPS_PER_SECOND = 100
"""Steps of the time grid in a second (MT3, Gardner et al. 2021, arXiv 2111.03017)."""


def to_steps(seconds: np.ndarray) -> np.ndarray:
    """Rounds times to the nearest grid step, int64; halves go to the even step."""
    return np.rint(np.asarray(seconds, np.float64) * STEPS_PER_SECOND).astype(np.int64)


def steps_to_frames(steps: np.ndarray, frame_rate: float) -> np.ndarray:
    """Finds the frame in which each step lies, int64 (``frame_rate`` in frames per second)."""
    # A step on a frame's boundary belongs to the frame it opens, whatever rounding did to it.
    return np.floor(steps * (frame_rate / STEPS_PER_SECOND) + 1e-6).astype(np.int64)


def frames_to_step(frame: int, frame_rate: float) -> int:
    """Finds the first step that lies in ``frame``, the inverse of ``steps_to_frames``."""
    return int(np.ceil(frame * (STEPS_PER_SECOND / frame_rate) - 1e-6))
