"""Plans a learning rate whose end may be decided while it is under way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mt3synth.errors import check_least
from mt3synth.types import Array, Float, Int, PyTree


@dataclass(frozen=True)
class Plan:
    """Says where a run ends.

    Attributes:
      steps: updates in all.
      decay_steps: length of the final decay to zero.

    Raises:
      ValueError: no steps at all, or a negative decay.
    """

    steps: int
    decay_steps: int

    def __post_init__(self) -> None:
        check_least(self, steps=1, decay_steps=0)

    @property
    def decay_begins(self) -> int:
        """Returns the last step that the decay leaves alone."""
        return self.steps - self.decay_steps

    @property
    def end(self) -> int | None:
        """Returns ``steps``, or None while no end is in sight."""
        return None if self == OPEN else self.steps


OPEN = Plan(steps=2**30, decay_steps=0)
"""The plan of a run whose end is not decided yet."""


class PlannedRateState(NamedTuple):
    """Holds the state of `scale_by_planned_rate`: int32 scalars, replicated.

    Attributes:
      updates: done so far.
      planned_steps, planned_decay: the `Plan`; data, so that a new plan compiles nothing anew.
    """

    updates: Int[Array, ""]
    planned_steps: Int[Array, ""]
    planned_decay: Int[Array, ""]


def compute_rate(
    step: int | Array, peak: float, warmup_steps: int, steps: int | Array, decay_steps: int | Array
) -> Float[Array, "*steps"]:
    """Computes ``peak * min(1, step / warmup_steps, (steps - step) / decay_steps)``, at least zero.

    A trapezoid: rise, plateau, fall (Zhai et al. 2022, arXiv 2106.04560; Hägele et al. 2024, arXiv
    2405.18392). The plan enters in the last term alone, which is above 1 until the decay begins:
    until then any other plan whose decay is still to come gives the same rates. Where ``steps``
    leave no room for rise and fall, they meet below the peak, and the end is zero all the same.

    Args:
      step: updates done before this one; an array for several, as all that follow it may be.
      peak: rate on the plateau.
      warmup_steps: of the rise; 0 for none.
      steps: updates in all.
      decay_steps: of the fall; 0 for none.
    """
    # The warm-up is fixed when the optimizer is built: what is past cannot be planned anew.
    rise = jnp.asarray(step / warmup_steps if warmup_steps else 1.0, jnp.float32)
    left = jnp.asarray(steps - step, jnp.float32)
    # One program for every plan: with or without a decay is data here, as the plan is.
    fall = jnp.where(jnp.asarray(decay_steps) > 0, left / jnp.maximum(decay_steps, 1), 1.0)
    return peak * jnp.clip(jnp.minimum(rise, fall), 0.0, 1.0)


def scale_by_planned_rate(
    peak: float, warmup_steps: int, plan: Plan
) -> optax.GradientTransformation:
    """Scales updates by ``-compute_rate``; the last link of an optimizer's chain.

    Args:
      peak: rate on the plateau.
      warmup_steps: of the rise.
      plan: the first plan; `replace_plan` puts another in its place.
    """

    def init(params: PyTree) -> PlannedRateState:
        del params
        # The plan in the state, where `replace_plan` finds it.
        return PlannedRateState(
            jnp.zeros((), jnp.int32), jnp.int32(plan.steps), jnp.int32(plan.decay_steps)
        )

    def update(
        updates: PyTree, state: PlannedRateState, params: PyTree = None
    ) -> tuple[PyTree, PlannedRateState]:
        del params
        rate = compute_rate(
            state.updates, peak, warmup_steps, state.planned_steps, state.planned_decay
        )
        scaled = jax.tree.map(lambda u: jnp.asarray(-rate, u.dtype) * u, updates)
        return scaled, state._replace(updates=state.updates + 1)

    return optax.GradientTransformation(init, update)


def replace_plan(opt_state: PyTree, plan: Plan) -> PyTree:
    """Puts ``plan`` into an optimizer's state in place of its own; every array lies where it lay.

    Where the state is that of several optimizers, all get it.

    Raises:
      KeyError: the optimizer has no planned rate.
    """
    is_planned = lambda node: isinstance(node, PlannedRateState)  # noqa: E731
    # Looked for before anything is replaced: an optimizer of one's own would go on at its old rate.
    if not any(map(is_planned, jax.tree.leaves(opt_state, is_leaf=is_planned))):
        raise KeyError("planned_steps")

    def replaced(node: Any) -> Any:
        if not is_planned(node):
            return node
        # An array that is bound to devices where the old one was not makes JAX compile anew.
        where = node.planned_steps.sharding if node.planned_steps.committed else None
        steps, decay = (
            jax.device_put(np.int32(value), where) for value in (plan.steps, plan.decay_steps)
        )
        return node._replace(planned_steps=steps, planned_decay=decay)

    return jax.tree.map(replaced, opt_state, is_leaf=is_planned)
