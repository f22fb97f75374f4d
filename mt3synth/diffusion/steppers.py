"""The steppers by the names that options and bundles have for them."""

from __future__ import annotations

from typing import Any, Literal

from mt3synth.diffusion.ddim import DDIM
from mt3synth.diffusion.ddpm import DDPM
from mt3synth.diffusion.dpm_solver import DPMSolver
from mt3synth.diffusion.heun import Heun
from mt3synth.diffusion.spacing import Spacing

SamplerName = Literal["ddim", "ddpm", "dpm++2m", "heun"]
STEPPERS: dict[SamplerName, type[Any]] = {
    "ddim": DDIM,
    "ddpm": DDPM,
    "dpm++2m": DPMSolver,
    "heun": Heun,
}


def name_of(stepper: object) -> str:
    """Returns the name of a stepper; of one that is not ours its class, in lower case."""
    # By instance, so that a stepper derived from ours goes by the same name.
    names = [name for name, kind in STEPPERS.items() if isinstance(stepper, kind)]
    return names[0] if names else type(stepper).__name__.lower()


def spacing_of(stepper: object) -> Spacing:
    """Returns the spacing of steps that goes with a stepper; uniform if it names none."""
    spacing: Spacing = getattr(stepper, "spacing", "uniform")
    return spacing
