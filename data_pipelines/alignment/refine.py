"""Aligns finely: each onset of the score moves to where the recording has it.

A path of frames of 20 ms lags behind slow attacks and in reverberant rooms. Here the time of every
onset is followed through the evidence of its own keys, against a tempo that changes smoothly; last,
the instruments' speaking time is taken off: evidence is strongest in the middle of an attack, and
notes begin at its foot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_pipelines.alignment.evidence import OnsetEvidence
from data_pipelines.alignment.warping import TimeMap, make_increasing
from mt3synth.symbolic.notes import Notes
from mt3synth.types import FloatND

_SAME_ONSET_S = 0.01
_STEP_S = 0.005
_TRUST = 0.3  # in evidence, against the smoothness of the tempo
_SPAN_S = 2.0  # of score, to either side, over which the tempo is taken to change evenly
_PAUSE_S = 0.2  # the shortest that is told from an irregular tempo
_BESIDE, _FEWEST_BESIDE = 5, 3  # onsets on either side that must agree on a pause
_FEWEST_NOTES = 8  # of a program, for a speaking time of its own


@dataclass(frozen=True)
class _Pass:
    """Says how far, in seconds, and how freely onsets may move: see `track_offsets`."""

    earliest: float
    latest: float
    jitter: float
    drift: float


# First widely, for the path lags behind slow attacks, then closely about the smoothed tempo.
_FROM_PATH = _Pass(-0.35, 0.15, 0.01, 0.08)
_FROM_SMOOTH = _Pass(-0.2, 0.15, 0.01, 0.04)
_SPEAKING = np.arange(-0.08, 0.04, _STEP_S)


@dataclass(frozen=True, eq=False)
class Onsets:
    """Groups the score's pitched notes by their onsets: those that begin together are one.

    Attributes:
      times: seconds, float64 ``[K]``, increasing.
      notes: pitched notes, sorted.
      of_note: index into ``times`` for each of them, int64 ``[n]``.
    """

    times: FloatND
    notes: Notes
    of_note: FloatND

    def evidence(self, found: OnsetEvidence, times: FloatND, offsets: FloatND) -> FloatND:
        """Gives evidence ``[K, G]`` of onsets at ``times`` ``[K]`` plus ``offsets`` ``[G]``.

        Summed over a chord's notes and divided by the root of their number: more notes tell more.
        """
        total = np.zeros((len(times), len(offsets)))
        at = times[self.of_note]
        for column, offset in enumerate(offsets):
            rises = found.rises(at + offset, self.notes.pitch)
            total[:, column] = np.bincount(self.of_note, rises, len(times))
        return total / np.sqrt(np.bincount(self.of_note))[:, None]


def group_onsets(notes: Notes) -> Onsets:
    """Groups the pitched notes of a score; notes up to 10 ms apart begin together."""
    notes = notes.select(~notes.is_drum).sorted()
    first = np.diff(notes.start, prepend=-np.inf) > _SAME_ONSET_S
    return Onsets(notes.start[first], notes, np.cumsum(first) - 1)


def refine(onsets: Onsets, path_map: TimeMap, evidence: OnsetEvidence) -> TimeMap:
    """Moves every onset of ``path_map`` to the evidence in the recording."""
    first = path_map.recording
    first = first + _track(onsets, first, evidence, _FROM_PATH)
    # What looks like a pause may be where the path lagged: the evidence decides.
    candidates = [_settle(onsets, first, evidence, with_pauses) for with_pauses in (True, False)]
    times = max(candidates, key=lambda t: onsets.evidence(evidence, t, np.zeros(1)).sum())
    times = times + find_speaking_offsets(onsets, times, evidence)
    return TimeMap(onsets.times, make_increasing(times))


def _settle(onsets: Onsets, times: FloatND, evidence: OnsetEvidence, with_pauses: bool) -> FloatND:
    """Smooths the tempo and follows the evidence, twice; gives onset times ``[K]``."""
    for _ in range(2):
        waits = find_pauses(onsets.times, times) if with_pauses else np.zeros(len(times))
        times = make_increasing(smooth(onsets.times, times - waits, _SPAN_S) + waits)
        times = times + _track(onsets, times, evidence, _FROM_SMOOTH)
    return times


def find_pauses(score: FloatND, recording: FloatND) -> FloatND:
    """Finds how long the recording paused before each onset, beyond what its tempo explains.

    A pause is a step in the times that the onsets on both sides of it agree on; smoothing must not
    run across it.

    Args:
      score, recording: seconds of the onsets, ``[K]`` each, increasing.

    Returns:
      Seconds ``[K]``, growing from 0 by each pause.
    """
    waits = np.zeros(len(score))
    gaps, written = np.diff(recording), np.diff(score)
    for k in range(_FEWEST_BESIDE - 1, len(gaps) - _FEWEST_BESIDE + 1):
        near = slice(max(k - 2 * _BESIDE, 0), k + 2 * _BESIDE + 1)
        stretch = float(np.median(gaps[near] / written[near]))
        if gaps[k] - stretch * written[k] < _PAUSE_S:
            continue
        straight = recording - waits - stretch * score
        after = np.median(straight[k + 1 : k + 1 + _BESIDE])
        before = np.median(straight[max(k + 1 - _BESIDE, 0) : k + 1])
        if after - before >= _PAUSE_S:
            waits[k + 1 :] += after - before
    return waits


def _track(onsets: Onsets, times: FloatND, evidence: OnsetEvidence, how: _Pass) -> FloatND:
    offsets = np.arange(how.earliest, how.latest + _STEP_S / 2, _STEP_S)
    found = _TRUST * onsets.evidence(evidence, times, offsets)
    return track_offsets(found, offsets, times, how.jitter, how.drift)


def find_speaking_offsets(onsets: Onsets, times: FloatND, evidence: OnsetEvidence) -> FloatND:
    """Finds the seconds ``[K]`` from the middle of the attacks at ``times`` to their foot.

    One for each program with at least 8 notes, found in the mean curvature over all of them, since
    a single foot drowns in what else sounds; a chord gets the mean of its notes'.
    """
    notes, at = onsets.notes, times[onsets.of_note]
    curves = np.stack([evidence.curvatures(at + s, notes.pitch) for s in _SPEAKING], axis=1)
    offset = np.full(len(notes), _SPEAKING[curves.mean(axis=0).argmax()])
    for program in np.unique(notes.program):
        own = notes.program == program
        if own.sum() >= _FEWEST_NOTES:
            offset[own] = _SPEAKING[curves[own].mean(axis=0).argmax()]
    return np.bincount(onsets.of_note, offset) / np.bincount(onsets.of_note)


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
