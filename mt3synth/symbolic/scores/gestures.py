"""What changes within held notes: swells, fp, slides; as curves beside the notes.

A note has one velocity, and one key. Who blows or bows goes on shaping it, and what is written for
that is played as on a synthesizer: by expression (CC11) and the pitch wheel of the part.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mt3synth.symbolic.midi import Curve
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.scores.tempo import Clock
from mt3synth.types import Float

SUSTAINED = frozenset([*range(16, 24), *range(40, 45), *range(48, 55), *range(56, 80)]) | frozenset(
    [*range(80, 96), 109, 110, 111]
)
"""Programs whose tones go on as long as they are held: organs, bowed strings, voices, winds."""

LEAD_SECONDS = 0.01
"""A curve is where a note needs it so much before it begins, or its attack would be too loud."""

_LONGER_THAN = 1.0  # seconds; in a shorter note nobody hears a swell
_LEAST_DB = 3.0  # that a level has to change by within a note
_TOUCHING = 0.02  # seconds by which notes that follow each other may overlap
_GRID = 0.02  # seconds from step to step of a curve


@dataclass(frozen=True)
class Gesture:
    """Says what changes within one note.

    Attributes:
      levels: (quarters after its beginning, velocity), at least one, joined by lines.
      slide: (quarters after its beginning, semitones): from where on it slides, and how far it has
        come at its end; None if it does not.
    """

    levels: tuple[tuple[float, float], ...]
    slide: tuple[float, float] | None = None


class Gestures(NamedTuple):
    """Holds what became of the gestures of a part.

    Attributes:
      velocity: of each note, so that the curves make it as loud as it is to be.
      expression: as CC11 has it.
      bend: semitones.
      swells, slides: how many notes have one.
    """

    velocity: Float[np.ndarray, " n"]
    expression: Curve
    bend: Curve
    swells: int
    slides: int


def play_gestures(
    notes: Notes,
    velocity: Float[np.ndarray, " n"],
    begins: Float[np.ndarray, " n"],
    gestures: list[Gesture],
    clock: Clock,
) -> Gestures:
    """Turns gestures into curves.

    Args:
      notes: of one part, in the order of time.
      velocity: of each note when it begins, with accents.
      begins: where each begins, in quarters as played.
      gestures: of each note.
      clock: turns quarters into seconds.
    """
    velocity = velocity.copy()
    swelled = {
        i
        for i, gesture in enumerate(gestures)
        if len(gesture.levels) > 1
        and notes.end[i] - notes.start[i] > _LONGER_THAN
        and _range_db(gesture) >= _LEAST_DB
    }
    expression = _Steps(127.0)
    bend = _Steps(0.0)
    slides = 0
    runs = _find_runs(notes)
    for (first, last), following in itertools.zip_longest(runs, runs[1:]):
        rows = range(first, last)
        until = np.inf if following is None else float(notes.start[following[0]])
        points: list[tuple[float, float]] = []
        if swelled.intersection(rows):
            # All that sounds at once has one curve, for it is of one part: each note is struck as
            # hard as the loudest moment needs, and the curve makes the rest of it softer.
            for i in rows:
                points += _time_levels(notes, i, begins[i], gestures[i], clock)
            loudest = max(level for _, level in points)
            for i in rows:
                velocity[i] *= loudest / gestures[i].levels[0][1]
            points = [(at, 127 * level / loudest) for at, level in sorted(points)]
        expression.draw(points, float(notes.start[first]), until)
        line: list[tuple[float, float]] = []
        for i in rows:
            if (slide := gestures[i].slide) is not None:
                after, semitones = slide
                [begin] = _seconds(notes, i, begins[i], np.array([after]), clock)
                end = float(notes.end[i])
                line += [(min(float(begin), end), 0.0), (end, semitones)]
                slides += 1
        bend.draw(line, float(notes.start[first]), until)
    return Gestures(velocity, expression.curve(), bend.curve(), len(swelled), slides)


class _Steps:
    """Gathers the steps of a curve, run after run."""

    def __init__(self, rest: float) -> None:
        self._rest = rest
        self._times, self._values = [0.0], [rest]

    def draw(self, points: list[tuple[float, float]], begin: float, until: float) -> None:
        """Draws a line through points, or rest from ``begin`` on; before ``until``."""
        begin = max(begin - LEAD_SECONDS, 0.0)
        until -= LEAD_SECONDS
        if not points:
            self._set(begin, self._rest)
            return
        times, values = np.array(points).T
        # The last point holds while the sound dies away, until something else begins.
        grid = np.append(np.arange(begin, times[-1], _GRID), times[-1])
        for at, value in zip(grid.tolist(), np.interp(grid, times, values).tolist()):
            if at < until:
                self._set(at, value)

    def _set(self, at: float, value: float) -> None:
        if self._values[-1] == value:
            return
        if at <= self._times[-1]:
            self._values[-1] = value
        else:
            self._times.append(at)
            self._values.append(value)

    def curve(self) -> Curve:
        """Returns what was drawn."""
        return Curve(np.array(self._times), np.array(self._values, np.float32))


def _find_runs(notes: Notes) -> list[tuple[int, int]]:
    """Finds stretches of notes of which each begins while one before it sounds."""
    runs, first, end = [], 0, -np.inf
    for i in range(len(notes)):
        if i and notes.start[i] >= end - _TOUCHING:
            runs.append((first, i))
            first, end = i, -np.inf
        end = max(end, float(notes.end[i]))
    return [*runs, (first, len(notes))] if len(notes) else []


def _range_db(gesture: Gesture) -> float:
    levels = [level for _, level in gesture.levels]
    return float(40 * np.log10(max(levels) / min(levels)))


def _time_levels(
    notes: Notes, row: int, begins: float, gesture: Gesture, clock: Clock
) -> list[tuple[float, float]]:
    """Lists the levels of a note by seconds; the last holds to its end."""
    after, levels = np.array(gesture.levels).T
    times, end = _seconds(notes, row, begins, after, clock), float(notes.end[row])
    before = times < end
    timed = list(zip(times[before].tolist(), levels[before].tolist()))
    return [*timed, (end, float(np.interp(end, times, levels)))]


def _seconds(
    notes: Notes, row: int, begins: float, after: Float[np.ndarray, " k"], clock: Clock
) -> Float[np.ndarray, " k"]:
    """Tells when so many quarters of a note have passed."""
    at = clock.onsets(np.append(begins, begins + after))
    return np.asarray(notes.start[row] + at[1:] - at[0])
