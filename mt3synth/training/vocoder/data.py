"""What a vocoder's training data have to offer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from mt3synth.batch_protocols import BatchStream
from mt3synth.types import Float


@runtime_checkable
class SoundData(Protocol):
    """Where pieces of sound come from; the order of the batches is fixed.

    Attributes:
      identity: another for other data; a run goes on with these only.
    """

    @property
    def identity(self) -> str:
        """As above."""
        ...

    def check(self, sample_rate: int) -> None:
        """Whether there is sound to train on.

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
        """Batches without end of ``audio`` float32 ``[batch, samples]``, from number ``start`` on.

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
        """Segments that are held out, always the same; at most ``segments``, perhaps none."""
        ...
