"""Defines what a decoder of audio files offers to `mt3synth.audio.files`."""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol, runtime_checkable

import numpy as np

from mt3synth.types import Float

SHORT_S = 0.5
"""By how much a file may hold less than its header states: encoders round lengths up to frames and
packets, or count what they pad. A file that lacks more was cut off."""

BLOCK_FRAMES = 1 << 18  # 6 s at 44.1 kHz: large enough for decoders, small beside any song


class DecodingError(Exception):
    """Says why a file cannot be decoded, in one line, without the file's name."""


class EncodingError(Exception):
    """Says why sound cannot be encoded, in one line, without the file's name."""


@runtime_checkable
class Sound(Protocol):
    """Stands for an audio file that was opened; nothing of it is decoded yet.

    Attributes:
      sample_rate: samples per second.
      seconds: length as the file's header states it; None where it states none or guesses.
    """

    sample_rate: int
    seconds: float | None

    def blocks(self) -> Generator[Float[np.ndarray, "F C"], None, None]:
        """Yields the samples from the beginning, at most `BLOCK_FRAMES` of each channel at a time.

        Raises:
          DecodingError: the file turns out to be broken or shorter than its header states.
        """
