"""Configures the training of a transcriber of mel frames."""

from __future__ import annotations

from dataclasses import dataclass

from mt3synth.errors import check_least
from mt3synth.training.mel_network.config import MelNetworkTrainConfig


@dataclass(frozen=True)
class TranscriberTrainConfig(MelNetworkTrainConfig):
    """Says how long and how to train a transcriber of mel frames.

    Attributes:
      steps, batch_size, seed, ema_decay, log_every, eval_every, save_every, validations,
        eval_batches: as in `MelNetworkTrainConfig`.
      onset_weight: by how much more an onset counts than its absence; there are few of them.
      noise: deviation of noise that is added to some of the frames, up to this: what it is to hear
        later is not always clean.

    Raises:
      ValueError: a count out of its range.

    Example:
      >>> TranscriberTrainConfig(steps=2000)
    """

    onset_weight: float = 4.0
    noise: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, onset_weight=1, noise=0)
