"""Sampling with a chosen share of fresh noise."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from mt3synth.diffusion.schedule import CosineSchedule
from mt3synth.types import Array, Float, Key


@dataclass(frozen=True)
class DDIM:
    """Song et al. 2020 (arXiv 2010.02502), eq. 12 and 16.

    Attributes:
      eta: 0 is deterministic, 1 has the noise of DDPM's posterior (the performance paper's).

    Raises:
      ValueError: an eta beyond these.
    """

    eta: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.eta <= 1:
            raise ValueError(f"DDIM eta is {self.eta}; must be between 0 and 1")

    def step(
        self,
        x_t: Array,
        x0: Array,
        time: Float[Array, ""],
        time_next: Float[Array, ""],
        schedule: CosineSchedule,
        key: Key[Array, ""],
    ) -> Array:
        """x at ``time_next`` < ``time`` given x_t and the predicted x0."""
        alpha_t, sigma_t = schedule.alpha_sigma(time)
        alpha_s, sigma_s = schedule.alpha_sigma(time_next)
        beta = -jnp.expm1(schedule.log_snr(time) - schedule.log_snr(time_next))
        # With eta 1 this is the deviation of the posterior, `DDPM`'s.
        noise = self.eta * sigma_s * jnp.sqrt(beta)
        # eps from x_t and x0 itself, so that a clipped or blended x0 stays consistent with x_t.
        eps = (x_t - alpha_t * x0) / sigma_t
        # What the fresh noise leaves of the variance; by rounding it may fall below zero where beta
        # is nearly 1.
        direction = jnp.sqrt(jnp.maximum(sigma_s**2 - noise**2, 0.0)) * eps
        fresh = noise * jax.random.normal(key, x_t.shape, x_t.dtype)
        return alpha_s * x0 + direction + fresh
