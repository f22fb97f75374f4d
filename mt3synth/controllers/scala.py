"""Reads a scale from a Scala file, the form in which tunings are passed around.

Source: https://www.huygens-fokker.org/scala/scl_format.html
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

import numpy as np

from mt3synth.errors import UserError
from mt3synth.types import Float

MIDDLE_C = 60
"""The key that sounds as ever, and is the first of the scale."""

_MAX_BYTES, _MAX_DEGREES = 1 << 20, 1024
_CENTS, _RATIO = re.compile(r"-?\d{1,5}\.\d{0,15}"), re.compile(r"\d{1,15}(/\d{1,15})?")


class ScalaError(UserError):
    """A file that holds no scale; the message names file and line."""


def read_scale(path: str | os.PathLike[str]) -> Float[np.ndarray, "128"]:
    """Reads how far each key sounds from equal temperament by a scale, in cents.

        cents = read_scale("pythagorean.scl")
        cents[60:72]  # [0, 13.7, 3.9, -5.9, 7.8, -2.0, 11.7, 2.0, ...]

    Neighbouring keys are neighbours in the scale, whatever number of them it has to an octave, or
    to whatever it repeats at.

    Raises:
      ScalaError: the file cannot be read, or holds no scale.
    """
    degrees = np.array([0.0, *_read_degrees(path)])
    period, count = degrees[-1], len(degrees) - 1
    steps = np.arange(128) - MIDDLE_C
    return np.asarray(steps // count * period + degrees[steps % count] - 100 * steps)


def _read_degrees(path: str | os.PathLike[str]) -> list[float]:
    """Reads the cents of all degrees above the first; the last is where the scale repeats."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ScalaError(f"{path}: cannot be read ({error.strerror or error})") from error
    if len(data) > _MAX_BYTES:
        raise ScalaError(f"{path}: over {_MAX_BYTES} bytes; no Scala file is that long")
    # The description may be in any 8-bit code; the numbers are the same in all of them.
    written = enumerate(data.decode("latin-1").splitlines(), 1)
    lines = [(number, line.strip()) for number, line in written if not line.startswith("!")]
    if len(lines) < 2:
        raise ScalaError(f"{path}: no Scala file: it needs a description and a number of notes")
    number, counted = lines[1]
    word = (counted.split() or [""])[0]
    if not word.isdecimal() or not 1 <= int(word) <= _MAX_DEGREES:
        raise ScalaError(
            f"{path}, line {number}: {counted[:40]!r} notes; must be 1 to {_MAX_DEGREES}"
        )
    degrees = lines[2 : 2 + int(word)]
    if len(degrees) < int(word):
        raise ScalaError(f"{path}: {len(degrees)} notes, where line {number} says {word}")
    return [_read_cents(line, f"{path}, line {number}") for number, line in degrees]


def _read_cents(line: str, where: str) -> float:
    """Reads a pitch: cents if there is a point in it, else a ratio."""
    word = (line.split() or [""])[0]
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
