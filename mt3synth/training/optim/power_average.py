"""Averages of parameters whose width is chosen after the run (Karras et al. 2024, EDM2).

A power average weighs the parameters after update t of T by (t / T)^gamma: unlike an exponential
one it is as wide for any length of a run, and forgets its beginning by itself. Two of them are kept
while a run trains; from these others are put together that lie between (arXiv 2312.02696, section 3
and appendix C). A *width* is the deviation of the weights along the run, as a share of its length.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mt3synth.errors import UserError
from mt3synth.types import Array, Int, PyTree

_NARROWEST, _WIDEST = 0.01, 0.25
"""Below, an average is a handful of updates; above, it weighs the beginning like the end."""


class AveragedState(NamedTuple):
    """Holds an optimizer's state, and averages of the parameters beside it.

    Attributes:
      inner: of the optimizer.
      updates: done so far, int32 scalar.
      averages: trees like the parameters', by `name_of` their width.
    """

    inner: PyTree
    updates: Int[Array, ""]
    averages: dict[str, PyTree]


def check_widths(widths: Sequence[float]) -> tuple[float, ...]:
    """Returns widths in order.

    Raises:
      ValueError: one is out of bounds, or there is one alone, or more than two.
    """
    given = tuple(sorted(widths))
    if any(not _NARROWEST <= width <= _WIDEST for width in given):
        raise ValueError(f"widths {given}; each must be within {_NARROWEST}..{_WIDEST}")
    if given and (len(given) != 2 or name_of(given[0]) == name_of(given[1])):
        raise ValueError(f"widths {given}; must be two that differ, or none")
    return given


def name_of(width: float) -> str:
    """Names an average in a checkpoint, by the thousandths of its width."""
    return f"width_{round(1000 * width):03d}"


def width_of(name: str) -> float:
    """Returns the width of an average with this name."""
    return int(name.removeprefix("width_")) / 1000


def gamma_of(width: float) -> float:
    """Finds the power of a width: width = (gamma + 1)^1/2 (gamma + 2)^-1 (gamma + 3)^-1/2."""
    # The relation is a cubic, of which the greatest root is the power (EDM2, algorithm 2).
    roots = np.roots([1.0, 7.0, 16.0 - width**-2, 12.0 - width**-2])
    return float(roots.real.max())


def keep_power_averages(
    optimizer: optax.GradientTransformation, widths: Sequence[float]
) -> optax.GradientTransformation:
    """Makes an optimizer keep power averages of the parameters that its updates make.

    They lie in its state, so that they are sharded, saved and restored with it.

    Args:
      optimizer: of all parameters, and the outermost; returned as it is if there are no widths.
      widths: of the averages, as `check_widths` has them.

    Raises:
      ValueError: see `check_widths`.
    """
    kept = check_widths(widths)
    if not kept:
        return optimizer

    def init(params: PyTree) -> AveragedState:
        # Copies, for a step gives each buffer away once.
        averages = {name_of(width): jax.tree.map(jnp.copy, params) for width in kept}
        return AveragedState(optimizer.init(params), jnp.zeros((), jnp.int32), averages)

    def update(
        updates: PyTree, state: AveragedState, params: PyTree = None
    ) -> tuple[PyTree, AveragedState]:
        updates, inner = optimizer.update(updates, state.inner, params)
        done = state.updates + 1
        made = optax.apply_updates(params, updates)
        averages = {
            name: optax.incremental_update(made, average, 1 - _decay(done, gamma_of(width)))
            for width, (name, average) in zip(kept, state.averages.items())
        }
        return updates, AveragedState(inner, done, averages)

    return optax.GradientTransformation(init, update)


def _decay(updates: Array, gamma: float) -> Array:
    """How much of an average stays in it; nothing of the values before the first update."""
    return (1.0 - 1.0 / updates.astype(jnp.float32)) ** (gamma + 1)


def mix(width: float, kept: Sequence[float]) -> tuple[float, float]:
    """Finds how two averages are put together to one of another width, and how well that is met.

    Their weights along the run, t^gamma, are fitted by least squares, such that all add up to 1.

    Args:
      width: of the average that is wanted.
      kept: widths of the two that there are.

    Returns:
      The share of the first, and the error of the fit, the root of its squares over those of the
      weights that are wanted.

    Raises:
      UserError: the width lies outside those that are kept.
    """
    low, high = check_widths(kept)
    if not low <= width <= high:
        raise UserError(f"average of width {width:g}; must be within {low:g}..{high:g}")

    def product(a: float, b: float) -> float:
        """Integrates (a + 1) t^a (b + 1) t^b over the run."""
        return (a + 1) * (b + 1) / (a + b + 1)

    first, second, wanted = (gamma_of(each) for each in (low, high, width))
    apart = product(first, first) - 2 * product(first, second) + product(second, second)
    # Of share * first + (1 - share) * second - wanted.
    along = product(first, second) - product(first, wanted)
    along += product(second, wanted) - product(second, second)
    rest = product(second, second) - 2 * product(second, wanted) + product(wanted, wanted)
    share = -along / apart
    error = share**2 * apart + 2 * share * along + rest
    return share, math.sqrt(max(error, 0.0) / product(wanted, wanted))


def combine(width: float, kept: Mapping[float, PyTree]) -> tuple[PyTree, float]:
    """Puts two averages together to one of another width; returns it and the error of the fit.

    Args:
      width: of the average that is wanted.
      kept: the averages by their widths, NumPy arrays.

    Raises:
      UserError: as `mix`.
    """
    share, error = mix(width, list(kept))
    low, high = sorted(kept)
    mixed = jax.tree.map(
        lambda a, b: np.asarray(share * a + (1 - share) * b, a.dtype), kept[low], kept[high]
    )
    return mixed, error
