"""Where between noise and data the steps of a sampler lie."""

from __future__ import annotations

from typing import Literal, get_args

import jax.numpy as jnp

from mt3synth.diffusion.schedule import CosineSchedule
from mt3synth.types import Array, Float

Spacing = Literal["uniform", "quadratic", "log-snr", "karras"]
"""How `step_times` spaces the steps:

- ``uniform``: equal steps of diffusion time.
- ``quadratic``: times as i^2, finer towards the data (Song et al. 2020, arXiv 2010.02502, D.2).
- ``log-snr``: equal steps of log-SNR (Lu et al. 2022, arXiv 2206.00927, section 3.4).
- ``karras``: sigma / alpha as i^7, in between (Karras et al. 2022, arXiv 2206.00364, eq. 5).
"""

# Between these the network is evaluated where steps are spaced by noise; beyond them it would say
# the same again. In log-SNR, the noisy end is that of Lu et al. on a cosine schedule (t = 0.9946),
# the clean one that of Karras et al. (sigma / alpha = 0.002).
_NOISIEST, _CLEANEST = -9.5, 12.4
# Karras et al. 2022, section 3: from 5 to 10 images look best.
_RHO = 7.0


def step_times(
    steps: int,
    schedule: CosineSchedule,
    spacing: Spacing = "uniform",
    start_time: float = 1.0,
) -> Float[Array, " N1"]:
    """Times at which a sampler evaluates the network, falling from the start, and a last 0.

    Spaced by noise, the start is at most the time beyond which there is nothing but noise.

    Raises:
      ValueError: fewer than one step, a start outside (0, 1], or an unknown spacing.
    """
    if steps < 1:
        raise ValueError(f"steps={steps}; must be at least 1")
    if not 0 < start_time <= 1:
        raise ValueError(f"start_time={start_time}; must be above 0 and at most 1")
    # With an explicit end at 0, where the network is never asked: all steps have one length.
    if spacing == "uniform":
        return jnp.linspace(start_time, 0.0, steps + 1)
    if spacing == "quadratic":
        return start_time * jnp.linspace(1.0, 0.0, steps + 1) ** 2
    start = jnp.maximum(schedule.log_snr(jnp.float32(start_time)), _NOISIEST)
    # A start beyond the clean end leaves nothing to be done: all steps then lie on it.
    end = jnp.maximum(start, _CLEANEST)
    if spacing == "log-snr":
        log_snr = jnp.linspace(start, end, steps)
    elif spacing == "karras":
        # log(sigma / alpha) is half the log-SNR, with a minus.
        first, last = jnp.exp(-0.5 * start / _RHO), jnp.exp(-0.5 * end / _RHO)
        log_snr = -2.0 * _RHO * jnp.log(jnp.linspace(first, last, steps))
    else:
        raise ValueError(f"spacing {spacing!r} is unknown; choose one of {get_args(Spacing)}")
    # 0 in time, though its log-SNR is beyond the clean end: the last prediction is what is
    # returned.
    return jnp.append(schedule.time(log_snr), 0.0)
