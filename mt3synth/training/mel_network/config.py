"""Configures what the training of every network of mel frames has in common."""

from __future__ import annotations

from dataclasses import dataclass

from mt3synth.errors import check_least
from mt3synth.training.loop import LoopConfig


@dataclass(frozen=True)
class MelNetworkTrainConfig(LoopConfig):
    """Says how long to train a network of mel frames, and on what it is validated.

    Attributes:
      steps, batch_size, seed, ema_decay, log_every, eval_every, save_every, validations: as in
        `mt3synth.training.loop.LoopConfig`.
      eval_batches: batches in a validation.

    Raises:
      ValueError: a count out of its range.
    """

    batch_size: int = 16
    eval_batches: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, eval_batches=1)
