"""The choices that make a diffusion model out of a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import get_args

from mt3synth.diffusion.loss import Norm
from mt3synth.diffusion.process import PredictionKind
from mt3synth.diffusion.schedule import CosineSchedule


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
