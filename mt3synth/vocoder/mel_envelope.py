"""The magnitudes of a transform as smooth as the mel bins know them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from mt3synth.audio.mel import MelSpec, mel_filterbank
from mt3synth.types import Array, Float


def mel_envelope(log_mel: Float[Array, "*B M"], spec: MelSpec, fft: int) -> Float[Array, "*B F"]:
    """Log magnitudes, on straight lines between the middles of the mel filters.

    A filter's level is spread over its area, and then raised by the length of the transform over
    that of the mel's window, for in so far a sinusoid has larger magnitudes.

    Args:
      log_mel: natural log.
      spec: of the frames.
      fft: samples of the transform; its window is as long.
    """
    weights, offset = _lines(spec, fft)
    return log_mel @ weights + offset


@lru_cache(maxsize=4)
def _lines(spec: MelSpec, fft: int) -> tuple[np.ndarray, np.ndarray]:
    """Matrix ``[M, F]`` and offset ``[F]`` from log-mel to log magnitudes."""
    filters = mel_filterbank(spec)
    area = filters.sum(axis=0)
    bins = np.arange(len(filters))
    with np.errstate(invalid="ignore"):
        middle = (bins @ filters) / area
    # Filters narrower than a bin may be empty; their neighbours speak for them.
    heard = np.flatnonzero(area > 0)
    hz = np.arange(fft // 2 + 1) / fft
    identity = np.eye(len(area), dtype=np.float64)
    weights = np.stack(
        [np.interp(hz, middle[heard] / spec.fft, identity[m, heard]) for m in range(len(area))]
    )
    offset = np.log(fft / spec.window) - np.interp(
        hz, middle[heard] / spec.fft, np.log(area[heard])
    )
    return weights.astype(np.float32), offset.astype(np.float32)
