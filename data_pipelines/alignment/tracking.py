"""Follows a slowly changing offset through the evidence for it."""

from __future__ import annotations

import numpy as np

from mt3synth.types import FloatND


def track_offsets(
    evidence: FloatND, offsets: FloatND, times: FloatND, jitter: float, drift: float
) -> FloatND:
    """Finds the most likely offset at each of K times by Viterbi's algorithm, changes Gaussian.

    Args:
      evidence: log-likelihood of each offset at each time, ``[K, G]``.
      offsets: seconds, ``[G]``.
      times: seconds, ``[K]``, not decreasing; an offset time never precedes the one before.
      jitter: standard deviation of a change between neighbours, seconds.
      drift: what a second of time adds to it.

    Returns:
      Seconds ``[K]``, each one of ``offsets``.
    """
    change = offsets[:, None] - offsets[None]
    best = evidence[0]
    origin = np.zeros(evidence.shape, np.int32)
    for k in range(1, len(evidence)):
        gap = times[k] - times[k - 1]
        reached = best - change**2 / (2 * (jitter + drift * gap) ** 2)
        # Notes keep their order: an onset never moves before the one that precedes it.
        reached = np.where(gap + change >= 0, reached, -np.inf)
        origin[k] = reached.argmax(axis=1)
        best = reached.max(axis=1) + evidence[k]
    state = int(best.argmax())
    chosen = np.empty(len(evidence), int)
    for k in range(len(evidence) - 1, -1, -1):
        chosen[k] = state
        state = origin[k, state]
    return offsets[chosen]


def smooth(times: FloatND, values: FloatND, span: float, fewest: int = 7) -> FloatND:
    """Smooths ``values`` ``[K]`` at increasing ``times`` by robust local lines.

    Cleveland, "Robust locally weighted regression and smoothing scatterplots", 1979: tricube
    weights within ``span`` seconds to either side (farther where that holds less than ``fewest``
    values), bisquare weights against outliers, two rounds of them.
    """
    trust = np.ones(len(times))
    for _ in range(3):
        result = _fit_local_lines(times, values, trust, span, fewest)
        error = np.abs(values - result)
        scale = 6 * (np.median(error) + 1e-3)
        trust = np.maximum(1 - (error / scale) ** 2, 0) ** 2 + 1e-6
    return result


def _fit_local_lines(
    times: FloatND, values: FloatND, trust: FloatND, span: float, fewest: int
) -> FloatND:
    result = np.empty(len(times))
    for k, now in enumerate(times):
        low, high = np.searchsorted(times, [now - span, now + span])
        if high - low < fewest:
            low, high = max(k - fewest // 2, 0), min(k + fewest // 2 + 1, len(times))
        distance = times[low:high] - now
        reach = max(span, 1.01 * np.abs(distance).max())
        weight = (1 - (np.abs(distance) / reach) ** 3) ** 3 * trust[low:high]
        weight /= weight.sum()
        centre, middle = weight @ distance, weight @ values[low:high]
        spread = weight @ (distance - centre) ** 2
        slope = 0.0
        if spread > 1e-9:
            slope = weight @ ((distance - centre) * (values[low:high] - middle)) / spread
        result[k] = middle - slope * centre
    return result
