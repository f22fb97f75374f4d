"""Makes this project's optimizer one of t5x's that also averages the parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import flax
import jax
import jax.numpy as jnp
import optax
from t5x import optimizers

from mt3synth.adapters.t5x_axes import find_axes
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.types import Array, PyTree


class AveragedState(NamedTuple):
    """Holds the state of `average_parameters`.

    Attributes:
      updates: done so far, int32 scalar.
      average: of the parameters.
    """

    updates: Array
    average: PyTree


def average_parameters(decay: float) -> optax.GradientTransformation:
    """Passes updates on, and averages the parameters that they lead to; the last link of a chain.

    t5x's training state has no place for the average but the optimizer's state. The decay is
    approached as in `mt3synth.training.diffusion.step.make_train_step`.

    Args:
      decay: of the exponential moving average, in [0, 1).

    Raises:
      ValueError: the decay is out of its range.
    """
    if not 0 <= decay < 1:
        raise ValueError(f"ema_decay={decay}; must be in [0, 1)")

    def init(params: PyTree) -> AveragedState:
        return AveragedState(jnp.zeros((), jnp.int32), jax.tree.map(jnp.copy, params))

    def update(
        updates: PyTree, state: AveragedState, params: PyTree = None
    ) -> tuple[PyTree, AveragedState]:
        count = state.updates + 1
        # Shorter at first, or the average would long remember the values at the start.
        now = jnp.minimum(decay, (1.0 + count) / (10.0 + count))
        new = optax.apply_updates(params, updates)
        return updates, AveragedState(count, optax.incremental_update(new, state.average, 1 - now))

    return optax.GradientTransformation(init, update)


class AveragingOptimizer(optimizers.OptaxWrapper):
    """Runs the trainer's optimizer followed by `average_parameters`.

    Args:
      config: how it learns.
      steps: of the run.
      ema_decay: of the average.
    """

    def __init__(self, config: OptimizerConfig, steps: int, ema_decay: float = 0.999) -> None:
        super().__init__(optax.chain(config.build(steps), average_parameters(ema_decay)))
        self.plan = config.plan(steps)

    def apply_gradient(
        self, hyper_params: Any, params: PyTree, state: Any, grads: PyTree
    ) -> tuple[PyTree, Any]:
        """Makes new parameters and state by the plan of this command.

        A checkpoint brings along the plan of the command that wrote it, which is overwritten, so
        that a run can be made longer.
        """
        planned = optax.tree_utils.tree_set(
            state.param_states,
            planned_steps=jnp.int32(self.plan.steps),
            planned_decay=jnp.int32(self.plan.decay_steps),
        )
        planned_state = state.replace(param_states=planned)
        new: tuple[PyTree, Any] = super().apply_gradient(hyper_params, params, planned_state, grads)
        return new

    def derive_logical_axes(self, optimizer: Any, param_logical_axes: PyTree) -> Any:
        """Returns the optimizer with the names of their axes in place of its arrays.

        t5x knows a fixed list of optax's states; here an array's path says what it belongs to.
        """
        names = flax.core.unfreeze(param_logical_axes)
        state = optimizer.state_dict()
        return optimizer.restore_state({"target": names, "state": find_axes(state["state"], names)})


def learning_rate(config: OptimizerConfig, steps: int) -> Callable[[Any], Array]:
    """Returns the rate by step, which t5x's trainer only reports: the optimizer has its own."""
    return config.schedule(steps)
