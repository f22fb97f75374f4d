"""When things happen: tempo marks and words, ritardando, fermatas, caesuras; quarters to seconds.

The rules and their sources are in ``docs/scores.md``.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from mt3synth.symbolic.scores.written import Span, WrittenScore

DEFAULT = 120.0
"""Quarters a minute where nothing is written, as in MIDI."""

_SLOWER = re.compile(r"\b(rit|rall|allarg|slent|morendo|smorz|calando)", re.IGNORECASE)
_FASTER = re.compile(r"\b(accel|string(endo|\.)|affrett)", re.IGNORECASE)
_BACK = re.compile(r"\ba tempo|tempo (i\b|1|primo)", re.IGNORECASE)
_FIRST = re.compile(r"tempo (i\b|1|primo)", re.IGNORECASE)
_STEPS = (  # a word, and the factor on the tempo from there on
    (re.compile(r"\bmeno (mosso|allegro|vivo)", re.IGNORECASE), 0.85),
    (re.compile(r"\b(pi[ùu]|poco) (mosso|allegro|vivo)", re.IGNORECASE), 1.15),
)
_SLOWED, _HURRIED = 0.7, 1.3  # the tempo at the end of a ritardando or accelerando
_POCO, _MOLTO = 0.5, 1.6  # how much of that "poco" and "molto" take
_FARTHEST = 16.0  # quarters that a ritardando may last up to what ends it, the last bar or a mark
_UNENDED = 8.0  # quarters that it lasts where that is farther away
_HELD_AGAIN = 1.0  # a fermata's note lasts as long again
_HELD_MOST = 2.0  # seconds, though
_PAUSE = 0.6  # seconds of a caesura
_GRID = 0.25  # quarters between the points of a tempo that changes

Ramp = tuple[float, float, float, float]
"""From and to in quarters, quarters a minute there and there."""


def read_tempo(score: WrittenScore) -> list[Ramp]:
    """Reads the tempo over a score as it is written: constant stretches and ramps, in order.

    Metronome marks count before words; words that name a tempo get the number that music21 has
    for them. What a ritardando slows is given back by the next mark or "a tempo".
    """
    words = score.words()
    steps = {at: named for at, text in words if (named := _name_tempo(text)) is not None}
    # Over the words: a number says more than "Allegro".
    steps.update(score.tempos)
    first = steps[min(steps)] if steps else DEFAULT
    base: dict[float, float] = {}
    ramps: dict[float, float] = {}  # where one begins, and the factor at its end
    now = DEFAULT
    # At one position the number comes before the words, which it overrules.
    for at, text in sorted([*((at, "") for at in steps), *words]):
        if at in steps:
            now = base[at] = steps[at]
        elif _BACK.search(text):
            now = base[at] = first if _FIRST.search(text) else now
        elif factor := _step(text):
            now = base[at] = now * factor
        if _SLOWER.search(text):
            ramps[at] = _scale(_SLOWED, text)
        elif _FASTER.search(text):
            ramps[at] = _scale(_HURRIED, text)
    return _join(base, ramps, score.measures[-1])


def _name_tempo(text: str) -> float | None:
    """Returns the quarters a minute of a heading such as "Allegro", or None if it is none."""
    # Headings begin with a capital; "molto animato" or "slow vibrato" in a part do not.
    if not text[:1].isupper() or _SLOWER.search(text) or _FASTER.search(text):
        return None
    from music21 import tempo

    number = tempo.MetronomeMark(text).number
    return float(number) if number else None


def _step(text: str) -> float | None:
    return next((factor for word, factor in _STEPS if word.search(text)), None)


def _scale(factor: float, text: str) -> float:
    amount = 1.0
    if re.search(r"\bpoco\b", text, re.IGNORECASE):
        amount = _POCO
    elif re.search(r"\bmolto\b", text, re.IGNORECASE):
        amount = _MOLTO
    return float(factor**amount)


def _join(base: dict[float, float], ramps: dict[float, float], end: float) -> list[Ramp]:
    """Joins constant stretches and ramps into one line from 0 to the end."""
    changes = sorted({0.0, end, *(at for at in {*base, *ramps} if at < end)})
    line: list[Ramp] = []
    now = DEFAULT
    for index, at in enumerate(changes[:-1]):
        following = changes[index + 1]
        if at in base:
            now = base[at]
        if at in ramps:
            # Up to what ends it if that is near; else nobody would slow down all the way.
            stop = following if following - at <= _FARTHEST else at + _UNENDED
            line.append((at, stop, now, now * ramps[at]))
            at = stop
        if at < following:
            line.append((at, following, now, now))
    return line or [(0.0, max(end, 1.0), now, now)]


class Clock:
    """Turns quarters of the score as it is played, repeats and all, into seconds.

        clock = Clock(read_tempo(score), [0, 1, 1], [0.0, 4.0, 8.0])
        clock.onsets(np.array([4.0])), clock.ends(np.array([4.0]))  # apart by a fermata's hold

    Args:
      line: tempo over the written score.
      order: the measures as they are played.
      measures: where each measure begins as written, and where the last ends.
      holds: (from, to) of fermatas, as written.
      pauses: positions of caesuras, as written.
      shape: factors on the tempo at positions as played, for expression; None for none.
    """

    def __init__(
        self,
        line: Sequence[Ramp],
        order: Sequence[int],
        measures: Sequence[float],
        holds: Sequence[Span] = (),
        pauses: Sequence[float] = (),
        shape: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self._line = line
        lengths = np.array([measures[i + 1] - measures[i] for i in order])
        self.begins = np.concatenate([[0.0], np.cumsum(lengths)])
        """Where each measure that is played begins, and where the last ends; quarters as played."""
        points: list[np.ndarray] = []
        speeds: list[np.ndarray] = []
        cuts = [_cut(line, low, high, shape is not None) for low, high in pairwise(measures)]
        for i, begin in zip(order, self.begins[:-1]):
            points.append(cuts[i][0] - measures[i] + begin)
            speeds.append(cuts[i][1])
        self._points = np.append(np.concatenate(points), self.begins[-1])
        speed = np.concatenate(speeds)
        if shape is not None:
            # At the middle of each cut, whose tempo is taken as constant.
            speed = speed * shape((self._points[:-1] + self._points[1:]) / 2)
        self._last_speed = float(speed[-1])
        self._seconds = np.concatenate([[0.0], np.cumsum(60 / speed * np.diff(self._points))])
        self._set_holds(order, measures, holds, pauses)

    def _set_holds(
        self,
        order: Sequence[int],
        measures: Sequence[float],
        holds: Sequence[Span],
        pauses: Sequence[float],
    ) -> None:
        """Works out where time stands still in the score as it is played, and for how long."""
        # The end decides: a hold belongs to the measure in which its note ends.
        ending = _by_measure([(right, left) for left, right in _merge(holds)], measures)
        pausing = _by_measure([(at, at) for at in pauses], measures)
        held: list[tuple[float, float]] = []
        waited: list[tuple[float, float]] = []
        for i, begin in zip(order, self.begins[:-1]):
            shift = begin - measures[i]
            for right, left in ending[i]:
                length = np.diff(self._plain(np.array([left, right]) + shift))[0]
                # Over a barline nothing is written that could be as long again.
                longer = min(_HELD_AGAIN * length, _HELD_MOST) if length else _PAUSE
                held.append((right + shift, longer))
            waited += [(at + shift, _PAUSE) for at, _ in pausing[i]]
        both = sorted([*held, *waited])
        # What ends where time is held lasts on, but not where it only waits.
        self._begin_at, self._begin_sum = _accumulate(both)
        self._end_at, self._end_sum = _accumulate(sorted(held))
        self._wait_at, self._wait_sum = _accumulate(sorted(waited))

    @property
    def length(self) -> float:
        """Returns the seconds that all measures take as they are played."""
        return float(self.ends(self._points[-1:])[0])

    def onsets(self, quarters: np.ndarray) -> np.ndarray:
        """Returns the second at which what begins at each position begins."""
        index = np.searchsorted(self._begin_at, quarters + 1e-6, side="right")
        return self._plain(quarters) + self._begin_sum[index]

    def ends(self, quarters: np.ndarray) -> np.ndarray:
        """Returns the second at which what ends at each position ends."""
        held = np.searchsorted(self._end_at, quarters + 1e-6, side="right")
        waited = np.searchsorted(self._wait_at, quarters - 1e-6, side="left")
        return self._plain(quarters) + self._end_sum[held] + self._wait_sum[waited]

    def quarters_a_second(self, written: float) -> float:
        """Returns the tempo at a position as written, without expression."""
        index = bisect.bisect_right(self._line, written, key=lambda ramp: ramp[0])
        left, right, one, two = self._line[max(index - 1, 0)]
        inside = min(max((written - left) / (right - left), 0.0), 1.0)
        return (one + (two - one) * inside) / 60

    def _plain(self, quarters: np.ndarray) -> np.ndarray:
        # A tied note may last past the end of what is played.
        # At the last tempo there was.
        beyond = np.maximum(quarters - self._points[-1], 0.0) * 60 / self._last_speed
        return np.interp(quarters, self._points, self._seconds) + beyond


def _cut(
    line: Sequence[Ramp], low: float, high: float, fine: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Cuts a measure into stretches of one tempo: where each begins, and its speed."""
    points, speeds = [np.zeros(0)], [np.zeros(0)]
    first = max(bisect.bisect_right(line, low, key=lambda ramp: ramp[0]) - 1, 0)
    for left, right, one, two in line[first:]:
        if left >= high:
            break
        a, b = max(left, low), min(right, high)
        if a >= b:
            continue
        # What changes is cut small enough to count as constant in each cut.
        pieces = max(1, int(np.ceil((b - a) / _GRID))) if fine or one != two else 1
        edges = np.linspace(a, b, pieces + 1)
        middle = (edges[:-1] + edges[1:]) / 2
        points.append(edges[:-1])
        speeds.append(one + (two - one) * (middle - left) / (right - left))
    return np.concatenate(points), np.concatenate(speeds)


def _by_measure(
    rows: Sequence[tuple[float, float]], measures: Sequence[float]
) -> list[list[tuple[float, float]]]:
    """Sorts positions into the measures that they are in or at the end of."""
    sorted_in: list[list[tuple[float, float]]] = [[] for _ in measures]
    for row in rows:
        index = bisect.bisect_left(measures, row[0] - 1e-9) - 1
        sorted_in[min(max(index, 0), len(measures) - 2)].append(row)
    return sorted_in


def _merge(holds: Sequence[Span]) -> list[Span]:
    """Makes one hold of those of several parts at one time: the last end, the longest note."""
    merged: list[Span] = []
    for left, right in sorted(holds):
        if merged and (left < merged[-1][1] or left == right == merged[-1][1]):
            merged[-1] = (merged[-1][0], max(merged[-1][1], right))
        else:
            merged.append((left, right))
    return merged


def _accumulate(stops: Sequence[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    at = np.array([position for position, _ in stops])
    return at, np.concatenate([[0.0], np.cumsum([seconds for _, seconds in stops])])
