"""What a decoder of audio files offers to `mt3synth.audio.files`."""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

BLOCK_FRAMES = 1 << 18


class DecodingError(Exception):
    """Why a file cannot be decoded, in one line, without the file's name."""


@runtime_checkable
class Sound(Protocol):
    """An audio file that was opened; nothing of it is decoded yet.

    Attributes:
      sample_rate: samples per second.
      seconds: length as the file's header states it; None where it states none or guesses.
    """

    sample_rate: int
    seconds: float | None

    def blocks(self) -> Generator[Float[np.ndarray, "F C"], None, None]:
        """The samples from the beginning, at most `BLOCK_FRAMES` of each channel at a time.

        Raises:
          DecodingError: the file turns out to be broken or shorter than its header states.
        """
        ...
