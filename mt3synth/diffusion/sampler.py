"""From noise to data: a pure function of denoiser, noise, schedule, stepper and key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from mt3synth.diffusion.schedule import CosineSchedule
from mt3synth.diffusion.spacing import Spacing, step_times
from mt3synth.types import Array, Float, Key

DenoiseFn = Callable[[Array, Array], Array]
"""``(x_t, time) -> x0``, the predicted data; ``time`` is a scalar in [0, 1]."""


@runtime_checkable
class Stepper(Protocol):
    """One update of the reverse process; see `DDPM`, `DDIM`, `DPMSolver` and `Heun`."""

    def step(
        self,
        x_t: Array,
        x0: Array,
        time: Float[Array, ""],
        time_next: Float[Array, ""],
        schedule: CosineSchedule,
        key: Key[Array, ""],
    ) -> Array: ...


@runtime_checkable
class LooksBack(Stepper, Protocol):
    """A stepper that steps by what it makes of this prediction and of the one before."""

    def extrapolate(
        self,
        x0: Array,
        x0_before: Array,
        time_before: Float[Array, ""],
        time: Float[Array, ""],
        time_next: Float[Array, ""],
        schedule: CosineSchedule,
    ) -> Array: ...


@runtime_checkable
class LooksAhead(Stepper, Protocol):
    """A stepper that corrects its step by the prediction where that led to."""

    def correct(
        self,
        x_next: Array,
        x0: Array,
        x0_next: Array,
        time: Float[Array, ""],
        time_next: Float[Array, ""],
        schedule: CosineSchedule,
    ) -> Array: ...


class _Before(NamedTuple):
    """The step before; its time is that of the coming step where there was none."""

    x0: Array
    time: Array


def sample(
    denoise_fn: DenoiseFn,
    x_T: Array,
    schedule: CosineSchedule,
    stepper: Stepper,
    key: Key[Array, ""],
    *,
    steps: int,
    start_time: float = 1.0,
    spacing: Spacing = "uniform",
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
      steps: number of denoiser evaluations; for a stepper that looks ahead twice as many less one.
      start_time: the time of ``x_T``.
      spacing: where the steps lie between that and 0.
      trajectory: also keep the x0 predicted at every step, stacked in front.

    Returns:
      The data, or with ``trajectory`` all predictions ``[steps, ...]``, the last being the data.
    """

    def update(
        state: tuple[Array, _Before | None], inputs: tuple[Array, Array, Array]
    ) -> tuple[tuple[Array, _Before | None], Array | None]:
        x_t, before = state
        time, time_next, step_key = inputs
        # x0 and no other form goes on from here, for it is what can be clipped, blended over
        # windows and guided.
        x0 = denoise_fn(x_t, time)
        x_next = _step(stepper, schedule, x_t, x0, before, time, time_next, step_key)
        if isinstance(stepper, LooksAhead):
            x0_next = denoise_fn(x_next, time_next)
            x_next = stepper.correct(x_next, x0, x0_next, time, time_next, schedule)
        # Carried along only where it is read: a whole song's frames would be held twice.
        before = None if before is None else _Before(x0, time)
        return (x_next, before), (x0 if trajectory else None)

    # One time more than steps, of which the last is 0 and is never evaluated.
    times = step_times(steps, schedule, spacing, start_time)
    # As many keys as steps, as in `iterate`, so that both draw the same though the last one is not
    # used.
    keys, start = jax.random.split(key, steps), (x_T, _no_step(stepper, x_T, times))
    (x_t, _), kept = jax.lax.scan(update, start, (times[:-2], times[1:-1], keys[:-1]))
    x0 = denoise_fn(x_t, times[-2])
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
    spacing: Spacing = "uniform",
) -> Iterator[Array]:
    """The x0 predicted at each step, the last being the data: `sample` as a Python loop.

    For a denoiser that is not one traceable function, such as one that works through a long song
    window by window. Arguments are those of `sample`.
    """
    times = step_times(steps, schedule, spacing, start_time)
    x_t, before = x_T, _no_step(stepper, x_T, times)
    inputs = zip(times[:-1], times[1:], jax.random.split(key, steps))
    for number, (time, time_next, step_key) in enumerate(inputs, 1):
        x0 = denoise_fn(x_t, time)
        # Before the step is taken, so that the caller may show or stop at what there is.
        yield x0
        if number == steps:
            return
        x_t = _jitted_step(stepper, schedule, x_t, x0, before, time, time_next, step_key)
        if isinstance(stepper, LooksAhead):
            x0_next = denoise_fn(x_t, time_next)
            x_t = _jitted_correct(stepper, schedule, x_t, x0, x0_next, time, time_next)
        before = None if before is None else _Before(x0, time)


def _no_step(stepper: Stepper, x_T: Array, times: Array) -> _Before | None:
    """What a stepper that looks back is told at the beginning; any other is told of nothing."""
    # Zeros and not None: what a scan carries has the same form in every turn.
    return _Before(jnp.zeros_like(x_T), times[0]) if isinstance(stepper, LooksBack) else None


def _step(
    stepper: Stepper,
    schedule: CosineSchedule,
    x_t: Array,
    x0: Array,
    before: _Before | None,
    time: Array,
    time_next: Array,
    key: Array,
) -> Array:
    if before is not None and isinstance(stepper, LooksBack):
        # Extrapolated here, so that the stepper is told of one x0 whatever it looks at.
        x0 = stepper.extrapolate(x0, before.x0, before.time, time, time_next, schedule)
    return stepper.step(x_t, x0, time, time_next, schedule, key)


# As functions of their own they are compiled once for all songs and segments.
_jitted_step = partial(jax.jit, static_argnums=(0, 1))(_step)


@partial(jax.jit, static_argnums=(0, 1))
def _jitted_correct(
    stepper: LooksAhead,
    schedule: CosineSchedule,
    x_next: Array,
    x0: Array,
    x0_next: Array,
    time: Array,
    time_next: Array,
) -> Array:
    return stepper.correct(x_next, x0, x0_next, time, time_next, schedule)
