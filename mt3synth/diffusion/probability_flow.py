"""The deterministic way from noise to data, as far as one prediction goes."""

from __future__ import annotations

import jax.numpy as jnp

from mt3synth.diffusion.schedule import CosineSchedule
from mt3synth.types import Array, Float


def flow(
    x_t: Array,
    x0: Array,
    time: Float[Array, ""],
    time_next: Float[Array, ""],
    schedule: CosineSchedule,
) -> Array:
    """x at ``time_next`` < ``time``, exact if the data are x0 all along the step.

    Lu et al. 2022 (arXiv 2211.01095), eq. 9; the same is an Euler step of ``x / alpha`` over
    ``sigma / alpha`` (Karras et al. 2022, arXiv 2206.00364, algorithm 1, line 5).
    """
    _, sigma_t = schedule.alpha_sigma(time)
    alpha_s, sigma_s = schedule.alpha_sigma(time_next)
    # Their h is a step of log(alpha / sigma), half the log-SNR.
    h = 0.5 * (schedule.log_snr(time_next) - schedule.log_snr(time))
    return sigma_s / sigma_t * x_t - alpha_s * jnp.expm1(-h) * x0
