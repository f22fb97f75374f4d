"""Defines what training changes from step to step and a checkpoint holds, and makes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct
from jax.sharding import Mesh, NamedSharding

from mt3synth.training.parallel.sharding import example_shapes, param_shardings, state_shardings
from mt3synth.types import Array, JaxBatch, PyTree

Metrics = dict[str, Array]
"""What a step measures, by name."""


@struct.dataclass
class TrainState:
    """State of a run; randomness is derived from ``step`` and the run's seed, so no key is in it.

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


Fresh = Callable[[Array], TrainState]
"""Makes the state before the first step, of an int32 seed."""


def init_state(params: PyTree, optimizer: optax.GradientTransformation) -> TrainState:
    """Makes the state before the first step."""
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        # A copy, for the step donates its arguments, and one buffer cannot be given away twice.
        ema=jax.tree.map(jnp.copy, params),
        opt_state=optimizer.init(params),
    )


def update_average(average: PyTree, params: PyTree, step: Array, decay: float) -> PyTree:
    """Takes the parameters after update number ``step`` into their exponential moving average."""
    # Shorter at first, or the average would long remember the values at the start.
    kept = jnp.minimum(decay, (1.0 + step) / (10.0 + step))
    return optax.incremental_update(params, average, 1 - kept)


def abstract_state(
    network: nn.Module, batch: JaxBatch, optimizer: optax.GradientTransformation, mesh: Mesh
) -> TrainState:
    """Returns the state as shapes with their shardings: what a checkpoint is restored into.

    Args:
      network: the model.
      batch: any batch, of arrays or shapes; its size does not matter.
      optimizer: whose state is kept.
      mesh: where the state is to lie.
    """
    fresh = _fresh(network, batch, optimizer)
    return shapes_of(fresh, param_shardings(network, batch, mesh), mesh)


def shapes_of(fresh: Fresh, params: PyTree, mesh: Mesh) -> TrainState:
    """Returns the state that ``fresh`` would make, as shapes with their shardings.

    Args:
      fresh: makes a state of a seed; it is only traced.
      params: `NamedSharding` of each parameter.
      mesh: where the state is to lie.
    """
    # Traced and not computed: restoring must not need room for two states.
    shapes = jax.eval_shape(fresh, jax.ShapeDtypeStruct((), jnp.int32))

    def placed(leaf: jax.ShapeDtypeStruct, sharding: NamedSharding) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)

    return jax.tree.map(placed, shapes, state_shardings(shapes, params, mesh))


def make_sharded(fresh: Fresh, abstract: TrainState, seed: int) -> TrainState:
    """Makes the state of a seed, on each device only what it will hold."""
    shardings = jax.tree.map(lambda leaf: leaf.sharding, abstract)
    # Under one program, by which each device makes its own part.
    return jax.jit(fresh, out_shardings=shardings)(np.int32(seed))


def init_state_sharded(
    network: nn.Module,
    batch: JaxBatch,
    optimizer: optax.GradientTransformation,
    mesh: Mesh,
    seed: int,
    params: PyTree | None = None,
) -> TrainState:
    """Makes the state before the first step, on each device only what it will hold.

    No device ever needs room for the whole. Fresh values depend on the seed and not on the mesh.

    Args:
      network, batch, optimizer, mesh: as in `abstract_state`.
      seed: of the fresh parameters.
      params: parameters to begin with instead, the same in every process.
    """
    abstract = abstract_state(network, batch, optimizer, mesh)
    if params is None:
        return make_sharded(_fresh(network, batch, optimizer), abstract, seed)
    shardings = jax.tree.map(lambda leaf: leaf.sharding, abstract)

    def place(leaf: Any, sharding: NamedSharding) -> Array:
        values = np.asarray(leaf)
        # Each device is handed its part of what every process has whole.
        return jax.make_array_from_callback(values.shape, sharding, lambda part: values[part])

    placed = jax.tree.map(place, params, shardings.params)
    return jax.jit(lambda given: init_state(given, optimizer), out_shardings=shardings)(placed)


def _fresh(network: nn.Module, batch: JaxBatch, optimizer: optax.GradientTransformation) -> Fresh:
    shapes = example_shapes(batch)

    # The seed is an argument and no constant, so that all seeds share one compiled program.
    def fresh(seed: Array) -> TrainState:
        inputs = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        variables = network.init(jax.random.key(seed), *inputs)
        return init_state(nn.meta.unbox(variables)["params"], optimizer)

    return fresh
