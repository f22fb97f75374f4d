"""How long and how to train."""

from __future__ import annotations

from dataclasses import dataclass

from mt3synth.models.remat import RematPolicy


@dataclass(frozen=True)
class TrainConfig:
    """How long and how to train.

    Attributes:
      steps: updates in all; a run that is resumed goes on to this number.
      batch_size: segments in an update, of all processes together.
      seed: of initial values, noise and the order of the data.
      ema_decay: decay of the averaged parameters.
      condition_drop: probability with which score, performance and context are each withheld.
      time_power: diffusion times are u ** time_power for u uniform in [0, 1].
      accumulation: micro-batches into which a batch is cut, one after the other, to save memory.
      remat: what is computed again in the backward pass, to save memory.
      log_every: steps between two scalars.
      eval_every: steps between two evaluations.
      eval_batches: batches in an evaluation.
      save_every: steps between two checkpoints.

    Raises:
      ValueError: a count below 1, or a probability outside [0, 1).
    """

    steps: int
    batch_size: int = 16
    seed: int = 0
    ema_decay: float = 0.999
    condition_drop: float = 0.1
    time_power: float = 0.5
    accumulation: int = 1
    remat: RematPolicy = "none"
    log_every: int = 20
    eval_every: int = 500
    eval_batches: int = 8
    save_every: int = 500

    def __post_init__(self) -> None:
        counts = ("steps", "batch_size", "accumulation", "log_every", "eval_every", "save_every")
        for name in counts:
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}; must be at least 1")
        if not self.time_power > 0:
            raise ValueError(f"time_power={self.time_power}; must be positive")
        for name in ("ema_decay", "condition_drop"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}; must be in [0, 1)")
