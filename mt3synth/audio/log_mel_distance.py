"""Measures the distance of log-mel frames, over those in which anything is to be heard."""

from __future__ import annotations

import numpy as np

from mt3synth.types import Bool, Float

WITHIN_DB = 60.0
"""Frames further below the loudest one are left out: what is there is silence, or its noise."""

_NATS_PER_DB = np.log(10) / 20


def loud_frames(
    log_mel: Float[np.ndarray, "T M"], above: float = -np.inf
) -> Bool[np.ndarray, " T"]:
    """Marks frames whose loudest bin is at most `WITHIN_DB` below the loudest of all.

    Args:
      log_mel: natural log of magnitudes.
      above: natural log of a magnitude that the loudest bin must be above, whatever the others are.
    """
    peaks = log_mel.max(axis=1)
    return (peaks >= peaks.max() - WITHIN_DB * _NATS_PER_DB) & (peaks > above)


def log_mel_l1(
    ours: Float[np.ndarray, "T M"], real: Float[np.ndarray, "T M"], above: float = -np.inf
) -> float:
    """Measures the mean absolute difference of log-mel frames, in nats (1 nat is 8.7 dB).

    Args:
      ours: natural log of magnitudes.
      real: the same of what it is measured against; its level says which frames count.
      above: see `loud_frames`.

    Returns:
      The mean, not a number if no frame is above ``above``.

    Raises:
      ValueError: no frames.
    """
    if not len(real):
        raise ValueError("0 frames; must be at least 1")
    loud = loud_frames(real, above)
    if not loud.any():
        return float("nan")
    return float(np.mean(np.abs(ours[loud] - real[loud]), dtype=np.float64))
