"""A solver of second order that looks ahead: two evaluations for each step but the last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp

from mt3synth.diffusion.probability_flow import flow
from mt3synth.diffusion.schedule import CosineSchedule
from mt3synth.diffusion.spacing import Spacing
from mt3synth.types import Array, Float, Key


@dataclass(frozen=True)
class Heun:
    """Heun's method as Karras et al. 2022 (arXiv 2206.00364), algorithm 1; deterministic.

    In ``x / alpha`` over ``sigma / alpha`` the probability flow is a straight line as long as the
    prediction stays the same: the less it changes, the fewer steps do.

    Attributes:
      spacing: the one that goes with it, where nobody names another.
    """

    spacing: ClassVar[Spacing] = "karras"

    def step(
        self,
        x_t: Array,
        x0: Array,
        time: Float[Array, ""],
        time_next: Float[Array, ""],
        schedule: CosineSchedule,
        key: Key[Array, ""],
    ) -> Array:
        """x at ``time_next`` < ``time`` by an Euler step (line 5)."""
        return flow(x_t, x0, time, time_next, schedule)

    def correct(
        self,
        x_next: Array,
        x0: Array,
        x0_next: Array,
        time: Float[Array, ""],
        time_next: Float[Array, ""],
        schedule: CosineSchedule,
    ) -> Array:
        """x at ``time_next`` by the mean of the slopes at both ends of the step (lines 7 and 8).

        Written as what that adds to `step`: their difference would lose its digits in the noise.
        """
        # Their slopes differ in x0 alone once x_next is the Euler step, so that is all that is
        # weighed here.
        alpha_s, _ = schedule.alpha_sigma(time_next)
        h = 0.5 * (schedule.log_snr(time_next) - schedule.log_snr(time))
        return x_next + 0.5 * alpha_s * jnp.expm1(h) * (x0_next - x0)
