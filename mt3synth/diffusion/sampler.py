"""From noise to data: a pure function of denoiser, noise, schedule, stepper and key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from mt3synth.diffusion.schedule import CosineSchedule
from mt3synth.types import Array, Float, Key

DenoiseFn = Callable[[Array, Array], Array]
"""``(x_t, time) -> x0``, the predicted data; ``time`` is a scalar in [0, 1]."""


@runtime_checkable
class Stepper(Protocol):
    """One update of the reverse process; see `DDPM` and `DDIM`."""

    def step(
        self,
        x_t: Array,
        x0: Array,
        time: Float[Array, ""],
        time_next: Float[Array, ""],
        schedule: CosineSchedule,
        key: Key[Array, ""],
    ) -> Array: ...


def time_pairs(steps: int, start_time: float = 1.0) -> Float[Array, "steps 2"]:
    """``(from, to)`` for each of ``steps`` equal steps from ``start_time`` to time 0.

    Raises:
      ValueError: fewer than one step, or a start outside (0, 1].
    """
    if steps < 1:
        raise ValueError(f"steps={steps}; must be at least 1")
    if not 0 < start_time <= 1:
        raise ValueError(f"start_time={start_time}; must be above 0 and at most 1")
    times = jnp.linspace(start_time, 0.0, steps + 1)
    return jnp.stack([times[:-1], times[1:]], axis=1)


def sample(
    denoise_fn: DenoiseFn,
    x_T: Array,
    schedule: CosineSchedule,
    stepper: Stepper,
    key: Key[Array, ""],
    *,
    steps: int,
    start_time: float = 1.0,
    trajectory: bool = False,
) -> Array:
    """x_0 drawn by ``steps`` updates from the noise ``x_T``; one scan, to be jitted whole.

    The last update would only add back noise of the schedule's end, so the last x0 is returned.

    Args:
      denoise_fn: predicts x0 from x_t at a scalar time.
      x_T: standard normal noise of the data's shape; for a late start the data as noisy as they
        are then, such as `mt3synth.diffusion.prior.draw_marginal` gives them.
      schedule: the noise schedule that the denoiser was trained with.
      stepper: DDPM, DDIM or another.
      key: randomness of the fresh noise.
      steps: number of denoiser evaluations.
      start_time: the time of ``x_T``.
      trajectory: also keep the x0 predicted at every step, stacked in front.

    Returns:
      The data, or with ``trajectory`` all predictions ``[steps, ...]``, the last being the data.
    """

    def update(x_t: Array, inputs: tuple[Array, Array]) -> tuple[Array, Array | None]:
        (time, time_next), step_key = inputs
        x0 = denoise_fn(x_t, time)
        x_next = stepper.step(x_t, x0, time, time_next, schedule, step_key)
        return x_next, (x0 if trajectory else None)

    pairs, keys = time_pairs(steps, start_time), jax.random.split(key, steps)
    x_t, kept = jax.lax.scan(update, x_T, (pairs[:-1], keys[:-1]))
    x0 = denoise_fn(x_t, pairs[-1, 0])
    return x0 if kept is None else jnp.concatenate([kept, x0[None]])


def iterate(
    denoise_fn: DenoiseFn,
    x_T: Array,
    schedule: CosineSchedule,
    stepper: Stepper,
    key: Key[Array, ""],
    *,
    steps: int,
    start_time: float = 1.0,
) -> Iterator[Array]:
    """The x0 predicted at each step, the last being the data: `sample` as a Python loop.

    For a denoiser that is not one traceable function, such as one that works through a long song
    window by window. Arguments are those of `sample`.
    """
    pairs, keys = time_pairs(steps, start_time), jax.random.split(key, steps)
    x_t = x_T
    for number, ((time, time_next), step_key) in enumerate(zip(pairs, keys), 1):
        x0 = denoise_fn(x_t, time)
        yield x0
        if number < steps:
            x_t = _update(stepper, schedule, x_t, x0, time, time_next, step_key)


@partial(jax.jit, static_argnums=(0, 1))
def _update(
    stepper: Stepper,
    schedule: CosineSchedule,
    x_t: Array,
    x0: Array,
    time: Array,
    time_next: Array,
    key: Array,
) -> Array:
    """One update; as one function of its own it is compiled once for all songs and segments."""
    return stepper.step(x_t, x0, time, time_next, schedule, key)
