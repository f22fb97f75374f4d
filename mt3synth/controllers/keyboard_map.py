"""Reads a keyboard map, which says what key plays what degree of a scale, and at what pitch.

Source: https://www.huygens-fokker.org/scala/help.htm#mappings
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass

import numpy as np

from mt3synth.controllers.scala import (
    EQUAL,
    KEYS,
    MAX_DEGREES,
    ScalaError,
    Scale,
    first_word,
    read_lines,
    read_scale,
    tune_keys,
)
from mt3synth.types import Float

_A4, _A4_HZ = 69, 440.0
_WHOLE, _NUMBER = re.compile(r"-?\d{1,6}"), re.compile(r"\d{1,6}(\.\d{0,15})?")
_MAX_HZ = 100_000.0
_HEADER = (
    "the size of the map",
    "the first key",
    "the last key",
    "the middle key",
    "the reference key",
    "the reference's frequency",
    "the degree of the formal octave",
)


@dataclass(frozen=True)
class KeyboardMap:
    """Says what key plays what degree of a scale, and at what pitch.

        # The white keys are the seven degrees, the black keys are silent; A is 415 Hz.
        KeyboardMap(0, 127, 60, 69, 415.0, 7, (0, None, 1, None, 2, 3, None, 4, None, 5, None, 6))

    Attributes:
      first, last: the keys from and to which it holds; others stay as they are.
      middle: the key of the first of ``degrees``.
      reference: the key whose pitch is given.
      hz: its pitch.
      octave: degrees from one repetition of ``degrees`` to the next; 0 takes a period of the scale.
      degrees: of each key from the middle one on, repeated up and down; None for a key that is
        silent. Empty if neighbouring keys are neighbouring degrees.
    """

    first: int
    last: int
    middle: int
    reference: int
    hz: float
    octave: int = 0
    degrees: tuple[int | None, ...] = ()

    def tune_keys(self, scale: Scale) -> Float[np.ndarray, "128"]:
        """Tells how far each key sounds from equal temperament by a scale, in cents.

        Keys that are silent have NaN.

        Raises:
          ValueError: the reference key is silent, or the reference is outside the keys.
        """
        sounding = np.array([self._cents(key, scale) for key in range(KEYS)])
        if not 0 <= self.reference < KEYS or math.isnan(sounding[self.reference]):
            raise ValueError(f"reference key {self.reference} has no degree of the scale")
        pitch = 100 * _A4 + 1200 * math.log2(self.hz / _A4_HZ)
        cents = sounding - sounding[self.reference] + pitch - 100.0 * np.arange(KEYS)
        keys = np.arange(KEYS)
        return np.where((keys < self.first) | (keys > self.last), 0.0, cents)

    def _cents(self, key: int, scale: Scale) -> float:
        """Returns the pitch of a key above the scale's first degree; NaN if it has none."""
        step = key - self.middle
        if not self.degrees:
            return float(scale.cents(step))
        turns, within = divmod(step, len(self.degrees))
        degree = self.degrees[within]
        octave = self.octave or len(scale.degrees) - 1
        return math.nan if degree is None else float(scale.cents(degree + turns * octave))


def read_keyboard_map(path: str | os.PathLike[str]) -> KeyboardMap:
    """Reads a keyboard map (.kbm).

    Raises:
      ScalaError: the file cannot be read, or holds no keyboard map.
    """
    lines = read_lines(path)
    if len(lines) < len(_HEADER):
        raise ScalaError(
            f"{path}: no keyboard map: {len(lines)} lines; must begin with {len(_HEADER)} numbers"
        )
    heads = [
        _read_number(line, f"{path}, line {number}", what)
        for what, (number, line) in zip(_HEADER, lines)
    ]
    size, first, last, middle, reference = (int(head) for head in heads[:5])
    if not 0 <= size <= MAX_DEGREES:
        raise ScalaError(f"{path}: a map of {size} keys; must be 0 to {MAX_DEGREES}")
    entries = lines[len(_HEADER) : len(_HEADER) + size]
    degrees = [
        None
        if first_word(line).lower() == "x"
        else int(_read_number(line, f"{path}, line {number}", "a degree of the scale"))
        for number, line in entries
    ]
    degrees += [None] * (size - len(degrees))  # what is left out is silent
    if size and all(degree is None for degree in degrees):
        raise ScalaError(f"{path}: all keys are silent; must give one a degree of the scale")
    return KeyboardMap(first, last, middle, reference, heads[5], int(heads[6]), tuple(degrees))


def read_tuning(
    scale: str | os.PathLike[str] | None, keyboard_map: str | os.PathLike[str] | None = None
) -> Float[np.ndarray, "128"] | None:
    """Reads how far each key sounds from equal temperament, in cents; NaN where it is silent.

    Args:
      scale: a Scala file (.scl); None is twelve equal steps.
      keyboard_map: which key plays which degree of it (.kbm); None lets it begin on middle C.

    Returns:
      None if both are None.

    Raises:
      ScalaError: a file cannot be read, or is none of its kind.
    """
    if keyboard_map is None:
        return None if scale is None else tune_keys(read_scale(scale))
    found = read_keyboard_map(keyboard_map)
    try:
        return found.tune_keys(EQUAL if scale is None else read_scale(scale))
    except ValueError as error:
        raise ScalaError(f"{keyboard_map}: {error}") from error


def _read_number(line: str, where: str, what: str) -> float:
    word = first_word(line)
    if what == _HEADER[5]:
        if not _NUMBER.fullmatch(word) or not 0 < float(word) <= _MAX_HZ:
            raise ScalaError(f"{where}: {line[:40]!r} is no frequency; must be Hz (440.0)")
        return float(word)
    if not _WHOLE.fullmatch(word):
        raise ScalaError(f"{where}: {line[:40]!r}; must be {what}, a whole number")
    return float(word)
