"""How long and how to train a diffusion model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mt3synth.diffusion.loss import PLAIN, LossConfig
from mt3synth.errors import check_least
from mt3synth.models.remat import RematPolicy
from mt3synth.training.loop import LoopConfig
from mt3synth.training.optim.power_average import check_widths


@dataclass(frozen=True)
class TrainConfig(LoopConfig):
    """How long and how to train a diffusion model.

    Attributes:
      steps, batch_size, seed, ema_decay, log_every, eval_every, save_every, validations: as in
        `mt3synth.training.loop.LoopConfig`.
      condition_drop: probability with which score, performance and context are each withheld.
      time_power: diffusion times are u ** time_power for u uniform in [0, 1].
      prior_weight: weight of a prior's own loss beside the denoising loss, for networks with one.
      prior_first: updates at the beginning in which the prior alone learns, which costs little.
      loss: in which form errors are measured, and how times and frames are weighed.
      averages: widths of two power averages that are kept beside the exponential one, such as 0.05
        and 0.1, for `mt3synth export --average` to choose between; none by default.
      transcriber: folder of a trained transcriber of mel frames; what it hears in the frames that
        the network predicts is compared with what it hears in the real ones, in the loss and in
        validations.
      transcriber_weight: of that in the loss; 0 to be validated alone.
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
    prior_weight: float = 0.5
    prior_first: int = 0
    loss: LossConfig = PLAIN
    averages: Sequence[float] = ()
    transcriber: str | None = None
    transcriber_weight: float = 0.05
    accumulation: int = 1
    remat: RematPolicy = "none"
    eval_batches: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "averages", check_widths(self.averages))
        check_least(self, accumulation=1, prior_weight=0, prior_first=0)
        check_least(self, transcriber_weight=0)
        # The prior alone learns by its own loss; weighed by nothing, those updates would be idle.
        if self.prior_first and not self.prior_weight:
            raise ValueError(
                f"prior_first={self.prior_first} with prior_weight=0; nothing would be learned"
            )
        if not self.time_power > 0:
            raise ValueError(f"time_power={self.time_power}; must be positive")
        if not 0 <= self.condition_drop < 1:
            raise ValueError(f"condition_drop={self.condition_drop}; must be in [0, 1)")
