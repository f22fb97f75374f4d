"""Ancestral sampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp

from mt3synth.diffusion.schedule import CosineSchedule
from mt3synth.types import Array, Float, Key


@dataclass(frozen=True)
class DDPM:
    """Ho et al. 2020 (arXiv 2006.11239), eq. 6 and 7, for any two times.

    Attributes:
      variance: ``posterior`` (beta-tilde, the paper's lower bound) or ``forward`` (beta, its
        upper bound).
    """

    variance: Literal["posterior", "forward"] = "posterior"

    def __post_init__(self) -> None:
        if self.variance not in ("posterior", "forward"):
            raise ValueError(
                f"DDPM variance {self.variance!r} is unknown; choose 'posterior' or 'forward'"
            )

    def step(
        self,
        x_t: Array,
        x0: Array,
        time: Float[Array, ""],
        time_next: Float[Array, ""],
        schedule: CosineSchedule,
        key: Key[Array, ""],
    ) -> Array:
        """A draw of x at ``time_next`` < ``time`` given x_t and the predicted x0."""
        alpha_t, sigma_t = schedule.alpha_sigma(time)
        alpha_s, sigma_s = schedule.alpha_sigma(time_next)
        # -expm1 of a log-SNR difference: beta between s and t, without cancellation.
        beta = -jnp.expm1(schedule.log_snr(time) - schedule.log_snr(time_next))
        # For any two times, and not for neighbours of a fixed chain, so that one training serves
        # any number of steps.
        ratio = alpha_t / alpha_s
        mean = ratio * (sigma_s / sigma_t) ** 2 * x_t + alpha_s * beta * x0
        forward = sigma_t**2 * beta
        variance = forward * (sigma_s / sigma_t) ** 2 if self.variance == "posterior" else forward
        return mean + jnp.sqrt(variance) * jax.random.normal(key, x_t.shape, x_t.dtype)
