"""Finds which parts of a score a recording plays, and in which order.

Players leave repeats out or add them, cut, and begin in the middle; a recording has applause before
and another piece after. A hidden Markov model over the score's seconds follows the recording's
chroma: it goes on at about one tempo, or jumps at a price, or is outside of the score at a price
for every second. Jumps in alignments are Fremerey, Mueller and Clausen's ("Handling repeats and
jumps in score-performance synchronization", 2010), who know from the sheet where they may be; here
every onset will do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import convolve1d

from data_pipelines.alignment.features import FEATURE_RATE
from mt3synth.symbolic.notes import Notes
from mt3synth.types import FloatND

_RATE = 5.0  # frames per second that are compared
_LARGEST = 2e7  # cells of score times recording; beyond, frames are farther apart
_SMOOTHING_S = 1.2
# Costs are distances of chroma: about 1 a frame by chance, less than half where the score is right.
_OUTSIDE = 0.7
_ENDS_S = 3.5
"""Leaving out the beginning or the end of the score costs as much as so many seconds of what is not
in it, and a jump twice that."""
_STEPS = ((0, 0.15), (1, 0.0), (2, 0.15), (3, 0.4))  # frames of score for one of the recording
_TEMPI = (0.4, 0.56, 0.75, 1.0, 1.33, 1.78, 2.5)  # of the recording, in the score's
_SHORTEST_S = 3.0  # of a run, of score between two runs, and of what is left out at the ends
_BEFORE, _AFTER = -1, -2  # outside of the score
_NEAR_S = 2.5  # around a jump, in which its time is looked for closely
_MARGIN_S = 1.5  # before and after a run, in which its first and last notes may be
_SNAP_S = 0.6  # from an onset, at which a jump begins and ends


@dataclass(frozen=True)
class Run:
    """Says that a stretch of the score is played without a jump.

    Attributes:
      score: its first and last second.
      recording: seconds of the recording at which they are.
    """

    score: tuple[float, float]
    recording: tuple[float, float]


def find_runs(score: FloatND, recording: FloatND, jumps: bool) -> list[Run]:
    """Finds the stretches of the score that are played, in the order of the recording.

    Args:
      score: chroma ``[12, N]`` at `FEATURE_RATE`, from the score's second 0.
      recording: chroma ``[12, M]``.
      jumps: whether the recording may jump within the score, or only begin and end elsewhere.

    Returns:
      The runs; none if nothing of the score is there. What of the recording is in none of them is
      not of the score.
    """
    cells = score.shape[1] * recording.shape[1] / FEATURE_RATE**2
    rate = min(_RATE, float(np.sqrt(_LARGEST / cells)))
    theirs = _take(_smooth(recording), rate)
    smooth = _smooth(score)
    ways = []
    for tempo in _TEMPI:
        ours = _take(smooth, rate * tempo)
        total, places = _follow(1 - ours.T @ theirs, rate, jumps)
        ways.append((total, places, rate * tempo))
    _, places, score_rate = min(ways, key=lambda way: way[0])
    return _read_runs(places, score_rate, rate)


def _smooth(chroma: FloatND) -> FloatND:
    window = np.hanning(round(_SMOOTHING_S * FEATURE_RATE) + 2)[1:-1]
    return convolve1d(chroma, window / window.sum(), axis=1, mode="nearest")


def _take(smooth: FloatND, rate: float) -> FloatND:
    """Takes ``rate`` frames a second of smoothed chroma, without what all have in common."""
    count = max(int(smooth.shape[1] / FEATURE_RATE * rate), 1)
    at = (np.arange(count) + 0.5) / rate * FEATURE_RATE
    taken = smooth[:, np.minimum(at.astype(int), smooth.shape[1] - 1)]
    taken = taken - taken.mean(axis=0) - (smooth.mean(axis=1) - smooth.mean())[:, None]
    return taken / np.maximum(np.linalg.norm(taken, axis=0), 1e-6)


def _follow(cost: FloatND, rate: float, jumps: bool) -> tuple[float, FloatND]:
    """Finds the cheapest way through costs ``[N, M]``: its cost, and a place for each frame.

    A place is a frame of the score, or -1 outside of it.
    """
    count, length = cost.shape
    ends = _ENDS_S * rate * _OUTSIDE
    # What is left out of the first or the last seconds costs in proportion.
    skipped = np.minimum(np.arange(count) * _OUTSIDE, ends)
    reached, before, after = skipped + cost[:, 0], _OUTSIDE, np.inf
    came = np.full((length, count), _BEFORE, np.int32)
    left = np.full(length, _AFTER, np.int32)
    for k in range(1, length):
        leaving = reached + skipped[::-1]
        source = int(leaving.argmin())
        entering = [(before + skipped, _BEFORE)]
        if jumps:
            nearest = int(reached.argmin())
            from_score = np.full(count, reached[nearest] + 2 * ends)
            entering += [(np.full(count, after + ends), _AFTER), (from_score, nearest)]
        best, origin = np.full(count, np.inf), np.zeros(count, np.int32)
        for step, price in _STEPS:
            way = np.full(count, np.inf)
            way[step:] = reached[: max(count - step, 0)] + price
            origin = np.where(way < best, np.arange(count) - step, origin)
            best = np.minimum(best, way)
        for way, where in entering:
            origin = np.where(way < best, where, origin)
            best = np.minimum(best, way)
        came[k] = origin
        left[k] = source if leaving[source] < after else _AFTER
        after = min(float(leaving[source]), after) + _OUTSIDE
        before += _OUTSIDE
        reached = best + cost[:, k]
    final = reached + skipped[::-1]
    place = int(final.argmin())
    total = min(float(final[place]), after, before)
    if total < final[place]:
        place = _AFTER if after < before else _BEFORE
    places = np.empty(length, int)
    for k in range(length - 1, -1, -1):
        places[k] = max(place, -1)
        if place >= 0:
            place = int(came[k, place])
        elif place == _AFTER:
            place = int(left[k])
    return total, places


def _read_runs(places: FloatND, score_rate: float, rate: float) -> list[Run]:
    """Reads the runs off the places; those of a few seconds are by chance and are dropped."""
    steps = np.diff(places)
    broken = (steps < 0) | (steps > _STEPS[-1][0]) | (places[1:] < 0) | (places[:-1] < 0)
    edges = [0, *(np.flatnonzero(broken) + 1), len(places)]
    runs = []
    for first, last in pairwise(edges):
        if places[first] < 0 or (last - first) / rate < _SHORTEST_S:
            continue
        heard = places[first] / score_rate, (places[last - 1] + 1) / score_rate
        runs.append(Run(heard, (first / rate, last / rate)))
    return runs


def settle_jumps(
    runs: Sequence[Run], onsets: FloatND, score: FloatND, recording: FloatND
) -> list[Run]:
    """Moves where runs meet to onsets of the score: a jump goes from one onset to another.

    Around a jump both runs go on at their own tempo; the recording is compared closely with either,
    and the jump is where the one begins to fit better than the other.

    Args:
      runs: as found.
      onsets: seconds of the score ``[K]``, increasing.
      score, recording: chroma at `FEATURE_RATE`, as for `find_runs`.
    """
    settled = list(runs)
    if len(settled) < 2:
        return settled
    window = np.hanning(13)[1:-1]
    ours, theirs = (_unit(convolve1d(c, window, axis=1)) for c in (score, recording))
    for k in range(1, len(settled)):
        old, new = settled[k - 1], settled[k]
        if new.recording[0] - old.recording[1] > _SHORTEST_S:
            continue  # something else sounds between
        settled[k - 1], settled[k] = _settle(old, new, onsets, ours, theirs)
    return settled


def _settle(old: Run, new: Run, onsets: FloatND, ours: FloatND, theirs: FloatND) -> tuple[Run, Run]:
    """Moves where two runs meet, by chroma of length 1: the score's and the recording's."""
    begin = max(old.recording[1] - _NEAR_S, old.recording[0])
    end = min(new.recording[0] + _NEAR_S, new.recording[1])
    times = np.arange(begin, end, 1 / FEATURE_RATE)
    speeds = [np.ptp(run.score) / np.ptp(run.recording) for run in (old, new)]
    before = old.score[1] + speeds[0] * (times - old.recording[1])
    after = new.score[0] + speeds[1] * (times - new.recording[0])
    heard = theirs[:, np.clip((times * FEATURE_RATE).astype(int), 0, theirs.shape[1] - 1)]

    def compare(places: FloatND) -> FloatND:
        frames = np.round(places * FEATURE_RATE).astype(int)
        known = (frames >= 0) & (frames < ours.shape[1])
        fit = (ours[:, np.clip(frames, 0, ours.shape[1] - 1)] * heard).sum(axis=0)
        return np.where(known, fit, 0.0)

    gain = np.concatenate([[0.0], np.cumsum(compare(before) - compare(after))])[: len(times)]
    # A jump that both runs' onsets agree on loses nothing; seconds between count as much of a fit.
    marks = np.append(onsets, onsets[-1] + 10 * _SNAP_S)
    lost = sum(
        np.minimum(np.abs(places[:, None] - marks).min(axis=1), _SNAP_S)
        for places in (before, after)
    )
    best = int((gain - FEATURE_RATE * lost).argmax())
    source, target = (
        float(marks[np.abs(places[best] - marks).argmin()])
        if np.abs(places[best] - marks).min() < _SNAP_S
        else float(places[best])
        for places in (before, after)
    )
    at = float(times[best])
    return (
        Run((old.score[0], source), (old.recording[0], at)),
        Run((target, new.score[1]), (at, new.recording[1])),
    )


def _unit(chroma: FloatND) -> FloatND:
    return chroma / np.maximum(np.linalg.norm(chroma, axis=0), 1e-9)


def describe_runs(runs: Sequence[Run], score: tuple[float, float], seconds: float) -> list[str]:
    """Says where recording and score differ in form, a line each; nothing if they do not.

    Args:
      runs: what is played.
      score: first and last second of the whole score.
      seconds: length of the recording.
    """
    if not runs:
        return []
    lines = []
    begin, end = runs[0].recording[0], runs[-1].recording[1]
    if runs[0].score[0] - score[0] >= _SHORTEST_S:
        lines.append(f"the score up to {runs[0].score[0]:.1f} s is not played")
    if begin >= _SHORTEST_S:
        lines.append(f"the recording up to {begin:.1f} s is not of the score")
    for old, new in pairwise(runs):
        at, source, target = old.recording[1], old.score[1], new.score[0]
        if new.recording[0] - at > _SHORTEST_S:
            lines.append(f"the recording from {at:.1f} to {new.recording[0]:.1f} s is not of it")
        if target < source:
            what = "goes back"
        elif target - source >= _SHORTEST_S / 3:
            what = "skips"
        else:
            continue
        lines.append(
            f"at {new.recording[0]:.1f} s of the recording it {what} from {source:.1f} "
            f"to {target:.1f} s of the score"
        )
    if score[1] - runs[-1].score[1] >= _SHORTEST_S:
        lines.append(f"the score from {runs[-1].score[1]:.1f} s on is not played")
    if seconds - end >= 2 * _SHORTEST_S:  # music rings out
        lines.append(f"the recording from {end:.1f} s on is not of the score")
    return lines


def cover_enough(runs: Sequence[Run], score: tuple[float, float], seconds: float) -> bool:
    """Tells whether the runs are most of the recording, and half of the score is in them.

    With less, a few seconds of two pieces happen to be alike.
    """
    heard = sum(run.recording[1] - run.recording[0] for run in runs)
    grid = np.arange(score[0], score[1], 0.1)
    known = [(grid >= run.score[0]) & (grid < run.score[1]) for run in runs]
    return bool(runs) and heard >= 0.7 * seconds and float(np.any(known, axis=0).mean()) >= 0.5


def is_plain(runs: Sequence[Run], score: tuple[float, float]) -> bool:
    """Tells whether the runs play a score from its first to its last second, once."""
    if not runs:
        return True
    begin, end = runs[0].score
    return len(runs) == 1 and begin - score[0] < _SHORTEST_S and score[1] - end < _SHORTEST_S


def find_outside(runs: Sequence[Run], seconds: FloatND) -> FloatND:
    """Tells which ``seconds`` ``[N]`` of the recording are far from all runs, bool ``[N]``."""
    near = [
        (seconds > run.recording[0] - _MARGIN_S) & (seconds < run.recording[1] + _MARGIN_S)
        for run in runs
    ]
    return ~np.any(near, axis=0) if near else np.zeros(len(seconds), bool)


def unfold(score: Notes, runs: Sequence[Run]) -> Notes:
    """Writes out a score as it is played: run after run, with rests for what is not of it.

    A note belongs to the run in which it begins, and ends with it at the latest.
    """
    pieces, at = [], 0.0
    for k, run in enumerate(runs):
        if k:
            at += max(run.recording[0] - runs[k - 1].recording[1], 0.0)
        inside = (score.start >= run.score[0] - 1e-6) & (score.start < run.score[1] - 1e-6)
        notes = score.select(inside)
        ends = np.minimum(notes.end, run.score[1])
        notes = notes.replace(end=np.maximum(ends, notes.start))
        pieces.append(notes.shifted(at - run.score[0]))
        at += run.score[1] - run.score[0]
    return Notes.concatenate(pieces)
