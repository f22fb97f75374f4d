"""Measures how far an aligned score agrees with its recording."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import convolve1d, uniform_filter1d

from data_pipelines.alignment.features import FEATURE_RATE
from data_pipelines.alignment.warping import TimeMap
from mt3synth.types import FloatND

_SMOOTHING_S = 1.6
_LOCAL_S = 10.0


@dataclass(frozen=True, eq=False)
class Agreement:
    """Tells how far chroma agree along an alignment.

    Attributes:
      confidence: over the whole score, -1..1; 0 by chance, 1 if the chroma are the same.
      seconds: of the recording, float64 ``[N]``.
      local: the same over 10 s around each, float64 ``[N]``.
    """

    confidence: float
    seconds: FloatND
    local: FloatND


def measure_agreement(
    score: FloatND, recording: FloatND, time_map: TimeMap, lead: float = 0.0
) -> Agreement:
    """Correlates the two chroma sequences along the map, where the score is not silent.

    Each sequence is smoothed over 1.6 s and its mean chroma taken off before, so that having a key
    in common counts for nothing.

    Args:
      score: chroma ``[12, N]``, which begins ``lead`` seconds before the score.
      recording: chroma ``[12, M]``.
      time_map: the alignment.
      lead: seconds.
    """
    length = score.shape[1]
    frames = np.arange(length)
    at = time_map(frames / FEATURE_RATE - lead)
    inside = (at >= 0) & (at * FEATURE_RATE < recording.shape[1] - 1)
    # Silence agrees with silence in any two pieces.
    sounding = inside & (score.sum(axis=0) > 0)
    ours = _smooth(score)[:, sounding]
    theirs = _smooth(recording)[:, np.round(at[sounding] * FEATURE_RATE).astype(int)]
    # Without the mean over time (the key) and over pitch classes (noise), only the changes count.
    ours, theirs = (x - x.mean(axis=1, keepdims=True) for x in (ours, theirs))
    ours, theirs = (x - x.mean(axis=0) for x in (ours, theirs))
    sums = np.stack([(ours * theirs).sum(0), (ours**2).sum(0), (theirs**2).sum(0)])
    whole = float(_correlate(sums.sum(axis=1)))
    # Sums are averaged and not correlations: loud seconds count by what they hold.
    nearby = uniform_filter1d(sums, int(_LOCAL_S * FEATURE_RATE), axis=1, mode="constant")
    return Agreement(whole, at[sounding], _correlate(nearby))


def _smooth(chroma: FloatND) -> FloatND:
    window = np.hanning(int(_SMOOTHING_S * FEATURE_RATE) + 3)[1:-1]
    return convolve1d(chroma, window / window.sum(), axis=1, mode="constant")


def _correlate(sums: FloatND) -> FloatND:
    together, one, other = sums
    return together / np.sqrt(np.maximum(one * other, np.finfo(float).tiny))
