"""Holds a song as data sets do: what was played, how it sounded, and in which performance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mt3synth.symbolic.notes import Notes

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Song:
    """Holds one recording and its notes.

    Attributes:
      id: unique within a data set.
      audio: mono PCM, int16 ``[S]``.
      sample_rate: samples per second.
      notes: what is heard, in seconds of the audio.
      performance: index of the performance.

    Raises:
      ValueError: a field of another type, shape or range.
    """

    id: str
    audio: np.ndarray
    sample_rate: int
    notes: Notes
    performance: int

    def __post_init__(self) -> None:
        if self.audio.dtype != np.int16 or self.audio.ndim != 1:
            raise ValueError(
                f"song {self.id!r}: audio is {self.audio.dtype} {list(self.audio.shape)}; "
                "must be int16 [samples]"
            )
        if self.sample_rate < 1:
            raise ValueError(f"song {self.id!r}: sample_rate={self.sample_rate}; must be positive")
        if self.performance < 0:
            raise ValueError(f"song {self.id!r}: performance={self.performance}; must be >= 0")

    @property
    def seconds(self) -> float:
        """Returns the length of the audio in seconds."""
        return len(self.audio) / self.sample_rate


def to_pcm(audio: np.ndarray) -> np.ndarray:
    """Converts samples in [-1, 1], float ``[S]``, to int16; beyond that they would wrap round.

    Raises:
      ValueError: a sample outside [-1, 1].
    """
    peak = float(np.max(np.abs(audio), initial=0.0))
    if not peak <= 1:
        raise ValueError(f"audio peaks at {peak:.3f}; must be within -1..1")
    return np.round(audio * 32767).astype(np.int16)
