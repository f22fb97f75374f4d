"""Follows the onsets of a score through a recording, at a tempo that players change as they like.

Real timing is neither smooth nor near the path of chroma: a ritardando doubles the distance of two
chords, a pause adds a second, and where chords repeat the path may be one of them off. So every
onset is looked for far around the path, and what ties it to its neighbour is the tempo of the
notes before.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from data_pipelines.alignment.warping import TimeMap
from mt3synth.types import FloatND

_IRREGULARITY = 0.15  # standard deviation of a distance, as a share of what the tempo says
_JITTER_S = 0.03  # and the least it is taken to be
_PAUSE_SHARE, _PAUSE_S = 0.03, 1.0  # how many distances are no tempo's, and how far off they are
_MEMORY_S = 1.5  # over which a tempo is forgotten
_SURPRISE = 0.5  # the largest change, of a log tempo, that one distance teaches
_RANGE = 0.7  # of the log tempo, about the path's
_EXPLAINED_S = 0.06  # an onset explains what begins so near
_UNWRITTEN = 0.5  # what an onset between two neighbours costs
_PATH_SPAN_S = 8.0  # of score, to either side, over which the path's tempo is taken
_PATH_SCALE_S, _PATH_COST = 0.15, 1.5  # an onset away from the path costs so much, and no more


def follow_onsets(
    evidence: FloatND, offsets: FloatND, path: TimeMap, passed: Callable[[FloatND], FloatND]
) -> FloatND:
    """Finds the most likely time of every onset.

    Viterbi's algorithm over the time of an onset; every time carries the tempo of the best way to
    it, so that the tempo is followed without being searched for. Distances are Gaussian about what
    the tempo says, with a tail for pauses. Chords keep their order.

    Args:
      evidence: log-likelihood ``[K, G]`` that an onset is at the path's time plus an offset.
      offsets: seconds ``[G]``, increasing.
      path: the onsets, and about where they are.
      passed: how many onsets, of whatever, are heard before seconds ``[G]`` of the recording. What
        begins between two neighbours in the score is neither, and speaks against them.

    Returns:
      Seconds of the recording ``[K]``, not decreasing.
    """
    evidence = evidence - np.minimum(np.abs(offsets) / _PATH_SCALE_S, _PATH_COST)
    at = path.recording[:, None] + offsets
    before, after = passed(at - _EXPLAINED_S), passed(at + _EXPLAINED_S)
    usual = _measure_log_stretch(path)
    best, tempo = evidence[0], np.full(len(offsets), usual[0])
    origin = np.zeros(evidence.shape, np.int32)
    every = np.arange(len(offsets))
    apart = offsets[:, None] - offsets[None]
    for k in range(1, len(evidence)):
        written = path.score[k] - path.score[k - 1]
        distance = path.recording[k] - path.recording[k - 1] + apart
        expected = written * np.exp(tempo)
        off = distance - expected
        width = np.hypot(_IRREGULARITY * expected, _JITTER_S)
        likely = (1 - _PAUSE_SHARE) * np.exp(-((off / width) ** 2) / 2) / width
        likely += _PAUSE_SHARE * np.exp(-np.abs(off) / _PAUSE_S) / _PAUSE_S
        extra = np.maximum(before[k][:, None] - after[k - 1], 0)
        reached = best + np.log(likely) - _UNWRITTEN * extra
        reached = np.where(distance >= 0, reached, -np.inf)
        came = origin[k] = reached.argmax(axis=1)
        best = reached[every, came] + evidence[k]
        # Distances of no length would teach an endless tempo.
        taught = np.log(np.maximum(distance[every, came], 0.02) / written) - tempo[came]
        pace = written * np.exp(usual[k])
        learned = pace / (_MEMORY_S + pace) * np.clip(taught, -_SURPRISE, _SURPRISE)
        tempo = np.clip(tempo[came] + learned, usual[k] - _RANGE, usual[k] + _RANGE)
    return path.recording + offsets[_trace_back(best, origin)]


def _measure_log_stretch(path: TimeMap) -> FloatND:
    """Measures the log of recorded seconds for one of score, around each onset ``[K]``."""
    first, last = path.score[0], path.score[-1]
    begin = np.clip(path.score - _PATH_SPAN_S, first, last)
    end = np.clip(path.score + _PATH_SPAN_S, first, last)
    if last == first:
        return np.zeros(1)
    return np.log(np.maximum((path(end) - path(begin)) / (end - begin), 0.05))


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
    return offsets[_trace_back(best, origin)]


def _trace_back(best: FloatND, origin: FloatND) -> FloatND:
    """Lists the states ``[K]`` of the way that ends best, from where each came ``[K, G]``."""
    chosen = np.empty(len(origin), int)
    state = int(best.argmax())
    for k in range(len(origin) - 1, -1, -1):
        chosen[k] = state
        state = origin[k, state]
    return chosen
