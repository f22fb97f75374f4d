"""The choices that make a diffusion model out of a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import get_args

from mt3synth.diffusion.loss import Norm
from mt3synth.diffusion.process import PredictionKind
from mt3synth.diffusion.sampler import Stepper
from mt3synth.diffusion.schedule import CosineSchedule
from mt3synth.diffusion.spacing import Spacing
from mt3synth.diffusion.steppers import STEPPERS, SamplerName


@dataclass(frozen=True)
class SamplingSpec:
    """With how much work a model is best sampled; chosen on validation data.

    Attributes:
      steps: denoising steps; 0 for a model whose prior by itself is heard best.
      start_time: diffusion time at which they begin. Below 1 they begin with frames drawn from the
        model's prior, as noisy as they are at that time.
      eta: noise of DDIM, from 0 for none to 1 for DDPM's (the performance paper's).
      sampler: name of the stepper.
      spacing: where the steps lie in time; None for the one that goes with the stepper.

    Raises:
      ValueError: a value out of its range.
    """

    steps: int = 50
    start_time: float = 1.0
    eta: float = 1.0
    sampler: SamplerName = "ddim"
    spacing: Spacing | None = None

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise ValueError(f"steps={self.steps}; must be at least 0")
        if not 0 < self.start_time <= 1:
            raise ValueError(f"start_time={self.start_time}; must be above 0 and at most 1")
        if not 0 <= self.eta <= 1:
            raise ValueError(f"eta={self.eta}; must be between 0 and 1")
        for name, known in (("sampler", get_args(SamplerName)), ("spacing", get_args(Spacing))):
            value = getattr(self, name)
            if value not in known and (name, value) != ("spacing", None):
                raise ValueError(f"{name} {value!r} is unknown; choose one of {known}")

    def settings_of(self, kind: type[Stepper]) -> dict[str, float]:
        """What the model names of the settings of a stepper's class."""
        return {"eta": self.eta} if kind is STEPPERS["ddim"] else {}


@dataclass(frozen=True)
class DiffusionSpec:
    """What the network predicts, how far off it may be, and along which schedule.

    Attributes:
      prediction: what the network's output means.
      norm: distance in the loss. The paper's choice is eps with L1.
      schedule: log-SNR over time.

    Raises:
      ValueError: an unknown prediction or norm.
    """

    prediction: PredictionKind = "v"
    norm: Norm = "l2"
    schedule: CosineSchedule = field(default_factory=CosineSchedule)

    def __post_init__(self) -> None:
        for name, known in (("prediction", get_args(PredictionKind)), ("norm", get_args(Norm))):
            value = getattr(self, name)
            if value not in known:
                raise ValueError(f"{name} {value!r} is unknown; choose one of {known}")
