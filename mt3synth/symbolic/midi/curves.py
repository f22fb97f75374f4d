"""What the controllers of a channel say over a song: levels, bends, pedals as curves in time.

Notes do not hold these. They are kept beside them for whatever makes them heard.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Curve:
    """A value that changes in steps.

        volume = Curve(np.array([0.0, 2.0]), np.array([100.0, 50.0], np.float32))
        volume.at(np.array([1.0, 2.0, 3.0]))  # [100, 50, 50]

    Attributes:
      times: seconds at which it changes, float64 ``[k]``, rising from 0.
      values: what it is from then on, until the next change, float32 ``[k]``.
    """

    times: np.ndarray
    values: np.ndarray

    def at(self, seconds: np.ndarray | float) -> np.ndarray:
        """Returns the value at each time, float32 of the same shape."""
        # To the right: a value holds from the moment of its change.
        index = np.searchsorted(self.times, np.asarray(seconds, np.float64), side="right") - 1
        return np.asarray(self.values[np.maximum(index, 0)])

    @property
    def is_constant(self) -> bool:
        """Whether it never changes."""
        return len(self.values) == 1

    def within(self, first: float, last: float) -> Curve:
        """Returns the curve as it is heard from ``first`` to ``last``.

        What it is there at first it is from time 0 on, and at last to the end.
        """
        inside = (self.times > first) & (self.times < last)
        values = np.append(self.at(first), self.values[inside])
        # Changes that change nothing go, so that a curve that is constant here is known to be.
        changes = np.append(True, values[1:] != values[:-1])
        return Curve(np.append(0.0, self.times[inside])[changes], values[changes])

    def shifted(self, seconds: float) -> Curve:
        """Moves every change later by ``seconds`` (earlier if negative); nothing is before 0."""
        # What changed before 0 is in force at 0, as the last change before it left it.
        after = self.times + seconds > 0
        times = np.append(0.0, (self.times + seconds)[after])
        return Curve(times, np.append(self.at(-seconds), self.values[after]))

    @staticmethod
    def constant(value: float) -> Curve:
        """Makes a curve that never changes."""
        return Curve(np.zeros(1), np.full(1, value, np.float32))

    @staticmethod
    def combined(function: Callable[..., np.ndarray], *curves: Curve) -> Curve:
        """Makes a curve of a function of the values of others."""
        times = np.unique(np.concatenate([curve.times for curve in curves]))
        values = function(*(curve.at(times) for curve in curves))
        return Curve(times, np.asarray(values, np.float32))


DEFAULTS = {
    "volume": 100.0,
    "expression": 127.0,
    "modulation": 0.0,
    "pressure": 0.0,
    "pan": 64.0,
    "sustain": 0.0,
    "soft": 0.0,
    "bend": 0.0,
    "tuning": 0.0,
}
"""What a channel's curves are at power-on."""


@dataclass(frozen=True)
class ControllerCurves:
    """The curves of one channel, in the units of its messages where nothing else is said.

        song = read_song("song.mid")
        for note in range(len(song.notes)):
            curves = song.curves[song.channel[note]]
            loudness = curves.level_db(song.notes.start[note])
            detuned = curves.cents(song.notes.start[note])

    Attributes:
      volume: CC7, 0..127; 100 where a file says nothing.
      expression: CC11, 0..127; 127.
      modulation: CC1, 0..127; 0.
      pressure: aftertouch of the channel, 0..127; 0.
      pan: CC10, 0 left, 64 middle, 127 right.
      sustain: CC64, 0..127; the notes are already lengthened by it where it is 64 or more.
      soft: CC67, 0..127; 0.
      bend: semitones, by the pitch wheel and its range (RPN 0; 2 semitones).
      tuning: semitones, by channel fine tuning (RPN 1). Coarse tuning is in the notes' pitch.
    """

    volume: Curve
    expression: Curve
    modulation: Curve
    pressure: Curve
    pan: Curve
    sustain: Curve
    soft: Curve
    bend: Curve
    tuning: Curve

    def level_db(self, seconds: np.ndarray | float) -> np.ndarray:
        """Returns the level by volume and expression in dB: 0 if both are 127, -inf if one is 0.

        The law is that of General MIDI 2 and of FluidSynth: 40 log10(value / 127) each.
        """
        with np.errstate(divide="ignore"):
            # A product before the logarithm, so that one zero alone makes it silent.
            product = self.volume.at(seconds) / 127.0 * (self.expression.at(seconds) / 127.0)
            return np.asarray(40 * np.log10(product))

    def cents(self, seconds: np.ndarray | float) -> np.ndarray:
        """Tells how far the channel sounds from its keys, in cents, by bend and fine tuning."""
        return np.asarray(100 * (self.bend.at(seconds) + self.tuning.at(seconds)))


class CurveBuilder:
    """Gathers a curve's changes in order of time."""

    def __init__(self, value: float) -> None:
        # Arrays and not lists: a file may hold millions of changes.
        self._times = array("d", [0.0])
        self._values = array("f", [value])

    def set(self, seconds: float, value: float) -> None:
        """Takes the value from here on."""
        # Of two changes at one moment the later one counts.
        if self._times[-1] == seconds:
            self._values[-1] = value
        elif self._values[-1] != value:
            self._times.append(seconds)
            self._values.append(value)

    @property
    def value(self) -> float:
        """The value now."""
        return self._values[-1]

    def build(self) -> Curve:
        """Returns the curve of all changes so far."""
        return Curve(np.array(self._times), np.array(self._values))
