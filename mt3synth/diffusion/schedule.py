"""How much signal and how much noise there is at a time between 0 (data) and 1 (noise)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from mt3synth.types import Array, Float


@dataclass(frozen=True)
class CosineSchedule:
    """The cosine schedule as a log signal-to-noise ratio, ``-2 log tan(a t + b)``.

    Nichol & Dhariwal 2021 (arXiv 2102.09672) in the continuous form of Ho & Salimans 2022 (arXiv
    2207.12598, section 3); ``a`` and ``b`` are such that the ends are reached at t = 0 and t = 1.

    Attributes:
      log_snr_min: log-SNR at t = 1.
      log_snr_max: log-SNR at t = 0.
    """

    log_snr_min: float = -20.0
    log_snr_max: float = 20.0

    def __post_init__(self) -> None:
        if not self.log_snr_min < self.log_snr_max:
            raise ValueError(
                f"log_snr_min={self.log_snr_min} must be below log_snr_max={self.log_snr_max}"
            )

    @property
    def _angles(self) -> tuple[float, float]:
        """a and b of the formula above."""
        # By Python's floats, in double precision: angles near 0 and pi / 2 are where float32 runs
        # out.
        b = math.atan(math.exp(-0.5 * self.log_snr_max))
        return math.atan(math.exp(-0.5 * self.log_snr_min)) - b, b

    def log_snr(self, time: Float[Array, "*b"]) -> Float[Array, "*b"]:
        """log(alpha^2 / sigma^2) at ``time`` in [0, 1]."""
        a, b = self._angles
        log_snr = -2.0 * jnp.log(jnp.tan(a * time + b))
        # By rounding, the tangent goes a little beyond them.
        return jnp.clip(log_snr, self.log_snr_min, self.log_snr_max)

    def time(self, log_snr: Float[Array, "*b"]) -> Float[Array, "*b"]:
        """Inverts `log_snr`, for ratios between the schedule's ends."""
        a, b = self._angles
        return (jnp.arctan(jnp.exp(-0.5 * log_snr)) - b) / a

    def alpha_sigma(
        self, time: Float[Array, "*b"]
    ) -> tuple[Float[Array, "*b"], Float[Array, "*b"]]:
        """Scales of data and of noise; their squares add up to 1."""
        log_snr = self.log_snr(time)
        # From the ratio, which is clipped, and not by cosine and sine of the angle, which is not.
        return jnp.sqrt(jax.nn.sigmoid(log_snr)), jnp.sqrt(jax.nn.sigmoid(-log_snr))
