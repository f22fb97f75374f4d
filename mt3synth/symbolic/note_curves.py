"""How pitch and level of notes go on while they sound: bends, slides, vibratos, swells.

A note by itself has one key and one velocity. Its curves say in a few *knots* how far it sounds
from its key and how loud it is beside what its velocity makes it; between knots both go on in
straight lines, the level in power.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mt3synth.types import Bool, Float, FloatND, Int

SAMPLE_S = 0.01
"""Of what changes faster than this nothing is left in frames of 20 ms."""

STEP_SEMITONES = 0.25
"""Between two knots pitch moves by no more, unless it jumps: so near to each other, two pitches
that are faded into each other sound as one between them."""

_JUMP_S = 0.02  # knots are no closer than a frame: a jump needs none on its way
_SEMITONES_OFF, _DB_OFF = 0.03, 0.4  # by which straight lines may miss what they stand for
_BLOCK = 1000  # samples through which a curve is drawn at a time
_SILENT = 1e-6  # power beside full level, below which nothing is to be heard


@dataclass(frozen=True, eq=False)
class NoteCurves:
    """Holds the knots of some notes, one note's after the other's.

        slide = NoteCurves.of([(np.array([0.0, 1.0]), np.array([0.0, 2.0]), np.array([1.0, 1.0]))])

    Attributes:
      count: knots of each note, at least 1, int64 ``[n]``.
      seconds: of each knot, since its note's onset, rising within a note, float64 ``[k]``. Before
        its first knot a note is as at it, and after its last one it stays as it is.
      semitones: from the note's key, float64 ``[k]``.
      gain: factor of the amplitude, at least 0, float64 ``[k]``.

    Raises:
      ValueError: counts and columns that do not belong together, or a value out of its range.
    """

    count: Int[np.ndarray, " n"]
    seconds: FloatND
    semitones: FloatND
    gain: FloatND

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", np.asarray(self.count, np.int64))
        for name in ("seconds", "semitones", "gain"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float64))
        lengths = {len(self.seconds), len(self.semitones), len(self.gain), int(self.count.sum())}
        if len(lengths) != 1 or np.any(self.count < 1):
            raise ValueError(f"{len(self)} notes with columns of {lengths} knots")
        if not np.all(np.isfinite([self.seconds, self.semitones, self.gain])):
            raise ValueError("a knot is at no finite time, pitch or gain")
        if np.any(self.gain < 0):
            raise ValueError(f"gain={self.gain.min()}; must be at least 0")
        inside = np.diff(self.note) == 0
        if np.any(inside & (np.diff(self.seconds) <= 0)):
            raise ValueError("knots of a note do not rise in time")

    def __len__(self) -> int:
        return len(self.count)

    @property
    def note(self) -> Int[np.ndarray, " k"]:
        """Which note each knot is of."""
        return np.repeat(np.arange(len(self.count)), self.count)

    @property
    def plain(self) -> Bool[np.ndarray, " n"]:
        """Says which notes have no curve: one knot, on the key and at full level."""
        first = np.cumsum(self.count) - self.count
        return (self.count == 1) & (self.semitones[first] == 0) & (self.gain[first] == 1)

    @staticmethod
    def none(notes: int) -> NoteCurves:
        """Makes the curves of notes that have none."""
        return NoteCurves(np.ones(notes, int), np.zeros(notes), np.zeros(notes), np.ones(notes))

    @staticmethod
    def of(knots: Sequence[tuple[FloatND, FloatND, FloatND]]) -> NoteCurves:
        """Makes curves of seconds, semitones and gains of each note's knots."""
        if not knots:
            return NoteCurves.none(0)
        seconds, semitones, gain = (np.concatenate(column) for column in zip(*knots))
        return NoteCurves(np.array([len(each[0]) for each in knots]), seconds, semitones, gain)

    @staticmethod
    def chained(parts: Sequence[NoteCurves]) -> NoteCurves:
        """Joins the curves of several lists of notes, one list after the other."""
        names = ("count", "seconds", "semitones", "gain")
        return NoteCurves(*(np.concatenate([getattr(p, n) for p in parts]) for n in names))

    def select(self, index: np.ndarray) -> NoteCurves:
        """Selects the curves of the notes at ``index``: a boolean mask or integer positions."""
        chosen = np.arange(len(self))[index]
        count = self.count[chosen]
        # Of each chosen note its first knot, then one after the other.
        first = (np.cumsum(self.count) - self.count)[chosen]
        within = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        rows = np.repeat(first, count) + within
        return NoteCurves(count, self.seconds[rows], self.semitones[rows], self.gain[rows])

    def begun_later(self, seconds: Float[np.ndarray, " n"]) -> NoteCurves:
        """Returns the curves of notes that begin so much later, while knots stay where they are."""
        moved = self.seconds - np.repeat(seconds, self.count)
        return NoteCurves(self.count, moved, self.semitones, self.gain)

    def stretched(self, factor: float) -> NoteCurves:
        """Multiplies all times by ``factor``."""
        return NoteCurves(self.count, factor * self.seconds, self.semitones, self.gain)

    def at(self, note: int, seconds: FloatND) -> tuple[FloatND, FloatND]:
        """Returns semitones and gain of a note at times since its onset."""
        rows = np.flatnonzero(self.note == note)
        power = np.interp(seconds, self.seconds[rows], self.gain[rows] ** 2)
        return np.interp(seconds, self.seconds[rows], self.semitones[rows]), np.sqrt(power)


def sample_times(length: float, step: float = SAMPLE_S) -> FloatND:
    """Returns times since its onset at which the curve of a note of so many seconds is sampled."""
    return np.linspace(0.0, length, int(np.ceil(length / step)) + 1)


def trace(seconds: FloatND, semitones: FloatND, gain: FloatND) -> tuple[FloatND, FloatND, FloatND]:
    """Draws a few knots through the samples of a note's curve, as `NoteCurves.of` takes them.

    Straight lines between them miss no sample by more than 3 cents or 0.4 dB.

    Args:
      seconds: rising, at least one.
      semitones, gain: at each of them.
    """
    constant = np.all(semitones == semitones[0]) and np.all(gain == gain[0])
    chosen = [0]
    if not constant:
        # Block by block: of a vibrato of hours the time would grow with the square of its length.
        for first in range(0, max(len(seconds) - 1, 1), _BLOCK):
            block = slice(first, first + _BLOCK + 1)
            inner = _simplify(seconds[block], semitones[block], gain[block])
            chosen += [first + number for number in inner[1:]]
    at, pitch, level = seconds[chosen], semitones[chosen], gain[chosen] ** 2
    steps = np.ceil(np.abs(np.diff(pitch)) / STEP_SEMITONES - 1e-9)
    room = np.floor(np.diff(at) / _JUMP_S)
    between = np.maximum(np.minimum(steps, room), 1).astype(int)
    grid = [np.linspace(a, b, n, endpoint=False) for a, b, n in zip(at, at[1:], between)]
    made = np.concatenate([*grid, at[-1:]])
    return made, np.interp(made, at, pitch), np.sqrt(np.interp(made, at, level))


def _simplify(seconds: FloatND, semitones: FloatND, gain: FloatND) -> list[int]:
    """Chooses samples between which straight lines are good enough (Ramer 1972)."""
    power = gain**2
    chosen, open_ = {0, len(seconds) - 1}, [(0, len(seconds) - 1)]
    while open_:
        first, last = open_.pop()
        if last - first < 2:
            continue
        inner = slice(first + 1, last)
        share = (seconds[inner] - seconds[first]) / (seconds[last] - seconds[first])
        pitch = semitones[first] + share * (semitones[last] - semitones[first])
        level = power[first] + share * (power[last] - power[first])
        db = 10 * np.abs(np.log10((level + _SILENT) / (power[inner] + _SILENT)))
        off = np.maximum(np.abs(pitch - semitones[inner]) / _SEMITONES_OFF, db / _DB_OFF)
        worst = int(np.argmax(off))
        if off[worst] > 1:
            middle = first + 1 + worst
            chosen.add(middle)
            open_ += [(first, middle), (middle, last)]
    return sorted(chosen)
