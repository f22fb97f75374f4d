"""Declares what a vocoder's training data have to offer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from mt3synth.batch_protocols import BatchStream
from mt3synth.types import Float


@runtime_checkable
class SoundData(Protocol):
    """Gives pieces of sound, in batches whose order is fixed."""

    @property
    def identity(self) -> str:
        """Identifies the data: another for other data, with which a run does not go on."""
        ...

    def check(self, sample_rate: int) -> None:
        """Checks that there is sound to train on.

        Args:
          sample_rate: samples per second, that of all songs.

        Raises:
          UserError: there is none, or it cannot be used.
        """
        ...

    def training(
        self,
        samples: int,
        sample_rate: int,
        batch: int,
        seed: int,
        start: int,
        *,
        process_index: int = 0,
        process_count: int = 1,
    ) -> BatchStream:
        """Opens batches without end: ``audio`` float32 ``[batch, samples]``, from ``start`` on.

        Args:
          samples: of a segment.
          sample_rate: samples per second.
          batch: segments in a batch of one process.
          seed: of all that is drawn.
          start: batches to pass over.
          process_index: whose share of every batch to read.
          process_count: shares of a batch.
        """
        ...

    def validation(self, samples: int, sample_rate: int, segments: int) -> Float[np.ndarray, "N S"]:
        """Returns segments that are held out, always the same; at most ``segments``."""
        ...
