"""Configures the training of a transcriber of mel frames."""

from __future__ import annotations

from dataclasses import dataclass

from mt3synth.errors import check_least
from mt3synth.training.loop import LoopConfig


@dataclass(frozen=True)
class TranscriberTrainConfig(LoopConfig):
    """Says how long and how to train a transcriber of mel frames.

    Attributes:
      steps, batch_size, seed, ema_decay, log_every, eval_every, save_every, validations: as in
        `mt3synth.training.loop.LoopConfig`.
      onset_weight: by how much more an onset counts than its absence; there are few of them.
      noise: deviation of noise that is added to some of the frames, up to this: what it is to hear
        later is not always clean.
      eval_batches: batches in a validation.

    Raises:
      ValueError: a count out of its range.

    Example:
      >>> TranscriberTrainConfig(steps=2000)
    """

    batch_size: int = 16
    onset_weight: float = 4.0
    noise: float = 0.1
    eval_batches: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, onset_weight=1, noise=0, eval_batches=1)
