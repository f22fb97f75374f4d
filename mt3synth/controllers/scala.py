"""Reads a scale from a Scala file, the form in which tunings are passed around.

Source: https://www.huygens-fokker.org/scala/scl_format.html
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mt3synth.errors import UserError
from mt3synth.types import Float, FloatND, Int

MIDDLE_C = 60
"""The key that sounds as ever, and is the first of the scale, if no keyboard map says otherwise."""

KEYS = 128
"""Of MIDI."""

MAX_DEGREES = 1024
"""The most that a scale may have."""

_MAX_BYTES = 1 << 20
_CENTS, _RATIO = re.compile(r"-?\d{1,5}\.\d{0,15}"), re.compile(r"\d{1,15}(/\d{1,15})?")


class ScalaError(UserError):
    """A file that holds no scale, or no keyboard map; the message names file and line."""


@dataclass(frozen=True, eq=False)
class Scale:
    """Holds the pitches of a scale.

        Scale(np.array([0.0, 203.9, 386.3, 498.0, 702.0, 884.4, 1088.3, 1200.0])).cents(9)  # 1586.3

    Attributes:
      degrees: cents above the first degree, which is 0; the last is where the scale repeats.
    """

    degrees: Float[FloatND, " d"]

    def cents(self, degree: Int[np.ndarray, "..."] | int) -> Float[FloatND, "..."]:
        """Returns the pitch of degrees counted from 0, any number of periods up or down."""
        count = len(self.degrees) - 1
        turns, within = np.divmod(degree, count)
        return np.asarray(turns * self.degrees[-1] + self.degrees[within])


EQUAL = Scale(100.0 * np.arange(13))
"""Twelve equal steps to an octave."""


def read_scale(path: str | os.PathLike[str]) -> Scale:
    """Reads a scale (.scl).

    Raises:
      ScalaError: the file cannot be read, or holds no scale.
    """
    lines = read_lines(path)
    if len(lines) < 2:
        raise ScalaError(f"{path}: no Scala file: it needs a description and a number of notes")
    number, counted = lines[1]
    word = first_word(counted)
    if not word.isdecimal() or not 1 <= int(word) <= MAX_DEGREES:
        raise ScalaError(
            f"{path}, line {number}: {counted[:40]!r} notes; must be 1 to {MAX_DEGREES}"
        )
    degrees = lines[2 : 2 + int(word)]
    if len(degrees) < int(word):
        raise ScalaError(f"{path}: {len(degrees)} notes, where line {number} says {word}")
    cents = [_read_cents(line, f"{path}, line {number}") for number, line in degrees]
    return Scale(np.array([0.0, *cents]))


def tune_keys(scale: Scale) -> Float[np.ndarray, "128"]:
    """Tells how far each key sounds from equal temperament by a scale, in cents.

        cents = tune_keys(read_scale("pythagorean.scl"))
        cents[60:72]  # [0, 13.7, 3.9, -5.9, 7.8, -2.0, 11.7, 2.0, ...]

    Neighbouring keys are neighbours in the scale, whatever number of them it has to an octave, or
    to whatever it repeats at.
    """
    steps = np.arange(KEYS) - MIDDLE_C
    return np.asarray(scale.cents(steps) - 100 * steps)


def read_lines(path: str | os.PathLike[str]) -> list[tuple[int, str]]:
    """Reads the lines of a file of Scala that are no comments, each with its number.

    Raises:
      ScalaError: the file cannot be read, or is longer than any such file.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ScalaError(f"{path}: cannot be read ({error.strerror or error})") from error
    if len(data) > _MAX_BYTES:
        raise ScalaError(f"{path}: over {_MAX_BYTES} bytes; no Scala file is that long")
    # The description may be in any 8-bit code; the numbers are the same in all of them.
    written = enumerate(data.decode("latin-1").splitlines(), 1)
    return [(number, line.strip()) for number, line in written if not line.startswith("!")]


def first_word(line: str) -> str:
    """Returns what a line says; anything may follow it."""
    return (line.split() or [""])[0]


def _read_cents(line: str, where: str) -> float:
    """Reads a pitch: cents if there is a point in it, else a ratio."""
    word = first_word(line)
    cents = math.nan
    if _CENTS.fullmatch(word):
        cents = float(word)
    elif _RATIO.fullmatch(word):
        above, below = (int(number) for number in f"{word}/1".split("/")[:2])
        cents = 1200 * math.log2(above / below) if above and below else math.nan
    if math.isnan(cents):
        raise ScalaError(
            f"{where}: {line[:40]!r} is no pitch; must be cents (701.955) or a ratio (3/2)"
        )
    return cents
