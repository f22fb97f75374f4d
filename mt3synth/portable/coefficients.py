"""A sampler as a table of numbers, for programs that have no schedule and no stepper."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from mt3synth.diffusion.prior import Prior, marginal_scale
from mt3synth.diffusion.sampler import LooksAhead, LooksBack, Stepper
from mt3synth.diffusion.schedule import CosineSchedule
from mt3synth.diffusion.spacing import step_times
from mt3synth.synthesis.sampling import SettledSampling
from mt3synth.types import Array, Float


def step_table(config: SettledSampling, schedule: CosineSchedule) -> list[list[float]]:
    """What each step makes of the frames: every stepper's update is a sum with fixed shares.

    Returns:
      For each step its time; the shares of the noisy frames, of the prediction from them, of the
      prediction before and of fresh noise in the next noisy frames; and the share of the change
      of prediction by which a stepper that looks ahead corrects them. After the last step nothing
      is read but its time.
    """
    stepper = config.stepper
    times = step_times(config.steps, schedule, config.spacing, config.start_time)
    key = jax.random.key(0)
    zero, one = jnp.zeros(()), jnp.ones(())
    fresh = jax.random.normal(key, ())
    rows = []
    for number in range(config.steps - 1):
        time, time_next = times[number], times[number + 1]
        ends = (time, time_next, schedule)
        before = times[max(number - 1, 0)]
        step = partial(_step, stepper, schedule, time, time_next, key)

        # The steppers themselves are asked, at 0 and 1, so that no formula is written twice.
        noise = step(zero, zero)
        of_noisy, of_x0, of_before = step(one, zero) - noise, step(zero, one) - noise, zero
        if isinstance(stepper, LooksBack):
            of_before = of_x0 * stepper.extrapolate(zero, one, before, *ends)
            of_x0 = of_x0 * stepper.extrapolate(one, zero, before, *ends)
        corrects = stepper.correct(zero, zero, one, *ends) if isinstance(stepper, LooksAhead) else 0
        row = (time, of_noisy, of_x0, of_before, noise / fresh, corrects)
        rows.append([float(value) for value in row])
    return [*rows, [float(times[-2]), 0.0, 1.0, 0.0, 0.0, 0.0]]


def _step(
    stepper: Stepper,
    schedule: CosineSchedule,
    time: Array,
    time_next: Array,
    key: Array,
    x_t: Array,
    x0: Array,
) -> Array:
    return stepper.step(x_t, x0, time, time_next, schedule, key)


def start_scales(
    config: SettledSampling, schedule: CosineSchedule, deviation: Float[Array, "*_ M"]
) -> list[float | list[float]]:
    """Scale of the prior's mean where the steps begin, and for each bin that of noise around it."""
    alpha, sigma = schedule.alpha_sigma(jnp.float32(config.start_time))
    prior = Prior(jnp.zeros((1, deviation.shape[-1])), deviation.reshape(1, -1))
    return [float(alpha), marginal_scale(prior, alpha, sigma)[0].tolist()]
