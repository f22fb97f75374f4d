"""Says in a file's metadata by how much its sound was turned up or down."""

from __future__ import annotations

import math
from collections.abc import Mapping

GAIN = "gain_db"
"""Name, in a file's metadata, of the gain that its sound got before it was written, in dB.

Multiplied by ``10 ** (-gain_db / 20)`` the samples are as loud as the vocoder made them.
"""


def describe_gain(gain: float) -> dict[str, str]:
    """Returns what a file's metadata say about a factor above 0, so that it can be undone."""
    # A ten-thousandth of a dB is less than a step of 16 bits. Adding 0 makes 0 of -0.
    return {GAIN: str(round(20 * math.log10(gain), 4) + 0.0)}


def read_gain(metadata: Mapping[str, str]) -> float:
    """Returns the factor of which a file's metadata speak; 1 if they do not, or say no number."""
    try:
        decibels = float(metadata.get(GAIN, "0"))
    except ValueError:  # another program's file, whose comments are its own affair
        return 1.0
    # No sound was ever turned by more; not a number fails this test as well.
    return 10 ** (decibels / 20) if abs(decibels) <= 200 else 1.0
