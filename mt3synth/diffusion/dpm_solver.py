"""A solver of second order that looks back: few steps, and one evaluation for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp

from mt3synth.diffusion.probability_flow import flow
from mt3synth.diffusion.schedule import CosineSchedule
from mt3synth.diffusion.spacing import Spacing
from mt3synth.types import Array, Float, Key


@dataclass(frozen=True)
class DPMSolver:
    """DPM-Solver++(2M) of Lu et al. 2022 (arXiv 2211.01095), algorithm 2; deterministic.

    The last step is of the first order, and so is the first, before which nothing is known.

    Attributes:
      spacing: the one that goes with it, where nobody names another.
    """

    spacing: ClassVar[Spacing] = "log-snr"

    def extrapolate(
        self,
        x0: Array,
        x0_before: Array,
        time_before: Float[Array, ""],
        time: Float[Array, ""],
        time_next: Float[Array, ""],
        schedule: CosineSchedule,
    ) -> Array:
        """The data in the middle of the coming step, by a line through the last two predictions.

        Their D_i; ``time_before`` is ``time`` where there was no step before.
        """
        # In log-SNR, twice their lambda; the ratio of two lengths is the same.
        length = schedule.log_snr(time_next) - schedule.log_snr(time)
        before = schedule.log_snr(time) - schedule.log_snr(time_before)
        # Zero as well where the schedule's end cuts the log-SNR off.
        # The divisor is guarded by itself: the branch that is not taken is computed, too.
        share = jnp.where(before > 0, 0.5 * length / jnp.where(before > 0, before, 1.0), 0.0)
        return x0 + share * (x0 - x0_before)

    def step(
        self,
        x_t: Array,
        x0: Array,
        time: Float[Array, ""],
        time_next: Float[Array, ""],
        schedule: CosineSchedule,
        key: Key[Array, ""],
    ) -> Array:
        """x at ``time_next`` < ``time`` along the probability flow (eq. 9)."""
        # x0 is the one that `extrapolate` gave: by itself the step is of the first order.
        return flow(x_t, x0, time, time_next, schedule)
