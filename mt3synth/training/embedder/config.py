"""Configures the training of an embedding of mel frames."""

from __future__ import annotations

from dataclasses import dataclass

from mt3synth.errors import check_least
from mt3synth.training.mel_network.config import MelNetworkTrainConfig


@dataclass(frozen=True)
class EmbedderTrainConfig(MelNetworkTrainConfig):
    """Says how long and how to train an embedding of mel frames.

    Attributes:
      steps, batch_size, seed, ema_decay, log_every, eval_every, save_every, validations,
        eval_batches: as in `MelNetworkTrainConfig`.
      windows: of a segment, each of which is embedded by itself.
      margin: by how much the cosine of the right performance is made smaller while it learns, so
        that performances come to lie apart (Wang et al., "Additive margin softmax for face
        verification", 2018, equation 6).
      groups_weight: of the instruments that sound, beside the performance.
      gain_db: by how many decibels segments are made louder or softer, up to this: how loud a
        file is says nothing of who plays.

    Raises:
      ValueError: a count out of its range.

    Example:
      >>> EmbedderTrainConfig(steps=2000)
    """

    windows: int = 2
    margin: float = 0.15
    groups_weight: float = 1.0
    gain_db: float = 9.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, windows=1, margin=0, groups_weight=0, gain_db=0)
