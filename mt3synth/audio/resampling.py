"""Takes PCM to another sample rate: whole, or any stretch of it as if the whole had been taken."""

from __future__ import annotations

from collections.abc import Callable
from math import gcd

import numpy as np
import soxr

_MARGIN_S = 0.05  # the resampler's filter, at the lower rate, reaches less far


def resampled_length(samples: int, rate: int, to: int) -> int:
    """Counts the samples at ``to`` per second that cover ``samples`` at ``rate`` per second."""
    return -(-samples * to // rate)


def resample_pcm(pcm: np.ndarray, rate: int, to: int) -> np.ndarray:
    """Resamples int16 ``[S]``; as long as `resampled_length` says.

    Args:
      pcm: mono.
      rate, to: samples per second before and after.
    """
    if rate == to:
        return pcm
    return resample_stretch(
        lambda first, count: _padded(pcm, first, count),
        rate,
        to,
        0,
        resampled_length(len(pcm), rate, to),
    )


def resample_stretch(
    read: Callable[[int, int], np.ndarray], rate: int, to: int, first: int, count: int
) -> np.ndarray:
    """Resamples a stretch of something longer, int16 ``[count]``, without reading the rest.

    Whatever the stretch, a sample is the same to the last bit or two.

    Args:
      read: gives the int16 samples from any number on, at ``rate``, zero outside the whole.
      rate, to: samples per second before and after.
      first: of the stretch, in samples at ``to``; may lie before the beginning.
      count: samples at ``to``.
    """
    if rate == to:
        return read(first, count)
    # Both grids meet every so many samples; from there on the resampler's clock is the whole's.
    common = gcd(rate, to)
    ours, theirs = to // common, rate // common
    margin = round(_MARGIN_S * to)
    block = (first - margin) // ours
    needed = first + count + margin - block * ours
    samples = read(block * theirs, -(-needed * theirs // ours))
    made = soxr.resample(samples.astype(np.float32), rate, to, quality="HQ")
    made = made[first - block * ours :][:count]
    return np.clip(np.round(made), -32768, 32767).astype(np.int16)


def _padded(pcm: np.ndarray, first: int, count: int) -> np.ndarray:
    out = np.zeros(count, np.int16)
    low, high = max(first, 0), min(first + count, len(pcm))
    if low < high:
        out[low - first : high - first] = pcm[low:high]
    return out
