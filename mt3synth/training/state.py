"""What training changes from step to step, and what a checkpoint holds."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from flax import struct

from mt3synth.types import Array, Key, PyTree


@struct.dataclass
class TrainState:
    """State of a run; randomness is derived from ``step`` and the run's seed.

    Attributes:
      step: updates done so far, int32 scalar.
      params: parameters of the network, float32.
      ema: their exponential moving average, which is what gets exported.
      opt_state: state of the optimizer.
    """

    # Typed as a tree like the rest, for transformations put shapes or shardings in its place.
    step: PyTree
    params: PyTree
    ema: PyTree
    opt_state: PyTree


def init_params(network: nn.Module, inputs: tuple[Any, ...], key: Key[Array, ""]) -> PyTree:
    """Fresh parameters without their logical-axis boxes; ``inputs`` give the shapes."""
    variables = jax.jit(network.init)(key, *inputs)
    return nn.meta.unbox(variables)["params"]


def init_state(params: PyTree, optimizer: optax.GradientTransformation) -> TrainState:
    """The state before the first step."""
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        ema=jax.tree.map(jnp.copy, params),
        opt_state=optimizer.init(params),
    )
