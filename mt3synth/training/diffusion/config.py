"""How long and how to train a diffusion model."""

from __future__ import annotations

from dataclasses import dataclass

from mt3synth.models.remat import RematPolicy
from mt3synth.training.loop import LoopConfig


@dataclass(frozen=True)
class TrainConfig(LoopConfig):
    """How long and how to train a diffusion model.

    Attributes:
      steps, batch_size, seed, ema_decay, log_every, eval_every, save_every: as in
        `mt3synth.training.loop.LoopConfig`.
      condition_drop: probability with which score, performance and context are each withheld.
      time_power: diffusion times are u ** time_power for u uniform in [0, 1].
      accumulation: micro-batches into which a batch is cut, one after the other, to save memory.
      remat: what is computed again in the backward pass, to save memory.
      eval_batches: batches in a validation.

    Raises:
      ValueError: a count below 1, or a probability outside [0, 1).

    Example:
      >>> TrainConfig(steps=10000, batch_size=32, accumulation=2)
    """

    condition_drop: float = 0.1
    time_power: float = 0.5
    accumulation: int = 1
    remat: RematPolicy = "none"
    eval_batches: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.accumulation < 1:
            raise ValueError(f"accumulation={self.accumulation}; must be at least 1")
        if not self.time_power > 0:
            raise ValueError(f"time_power={self.time_power}; must be positive")
        if not 0 <= self.condition_drop < 1:
            raise ValueError(f"condition_drop={self.condition_drop}; must be in [0, 1)")
