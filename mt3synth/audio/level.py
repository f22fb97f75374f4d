"""Says in a file's metadata by how much its sound was turned up or down."""

from __future__ import annotations

import math

GAIN = "gain_db"
"""Name, in a file's metadata, of the gain that its sound got before it was written, in dB.

Multiplied by ``10 ** (-gain_db / 20)`` the samples are as loud as the vocoder made them.
"""


def describe_gain(gain: float) -> dict[str, str]:
    """Returns what a file's metadata say about a factor above 0, so that it can be undone."""
    # A ten-thousandth of a dB is less than a step of 16 bits. Adding 0 makes 0 of -0.
    return {GAIN: str(round(20 * math.log10(gain), 4) + 0.0)}
