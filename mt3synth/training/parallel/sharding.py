"""Places each array of the training state on the mesh, and fetches it back."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from mt3synth.models.conditions import example_inputs
from mt3synth.training.parallel.mesh import replicated
from mt3synth.types import JaxBatch, PyTree

LOGICAL_RULES: tuple[tuple[str, str | None], ...] = (
    # Hidden channels are split over tensor, so that a block needs one sum over it, at its end.
    ("mlp", "tensor"),
    ("joined_kv", "tensor"),
    ("conv_hidden", "tensor"),
    ("vocab", "tensor"),
    # FiLM sums over tensor too: split by what it writes, it would split all that it modulates.
    ("condition", "tensor"),
    # What enters or leaves a block is split over fsdp, and gathered when it is used.
    ("embed", "fsdp"),
    ("condition", "fsdp"),
    ("film", "fsdp"),
    ("conv_in", "fsdp"),
    ("conv_out", "fsdp"),
    # An entry taken from a table split across its width would have to be joined again.
    ("lookup", None),
    # Too short, or of a length that nothing need divide.
    ("mel", None),
    ("roll", None),
    ("tap", None),
    ("position", None),
    ("performance", None),
)
"""Mesh axis of each name in `mt3synth.models.axes`; of several rules for a name the first counts
whose mesh axis the array does not use yet."""


def param_spec(names: tuple[str | None, ...], shape: tuple[int, ...], mesh: Mesh) -> PartitionSpec:
    """Decides over which mesh axes a parameter is split.

    A dimension that its mesh axis does not divide stays whole, and so do vectors: splitting them
    would save nothing and cost a gather at every use.

    Args:
      names: logical names of its axes.
      shape: of the parameter.
      mesh: where it will lie.
    """
    # Names that do not fit are those of a parameter whose state has another shape: leave it whole.
    if len(shape) < 2 or len(names) != len(shape):
        return PartitionSpec()
    axes = nn.logical_to_mesh_axes(names, LOGICAL_RULES) or ()
    return PartitionSpec(
        *(
            axis if axis is not None and size % mesh.shape[axis] == 0 else None
            for axis, size in zip(axes, shape)
        )
    )


def param_shardings(network: nn.Module, batch: JaxBatch, mesh: Mesh) -> PyTree:
    """Makes a `NamedSharding` for each parameter of ``network``; ``batch`` gives shapes only."""
    return shardings_of(boxed_params(network, batch), mesh)


def boxed_params(network: nn.Module, batch: JaxBatch) -> PyTree:
    """Returns the shapes of a network's parameters, boxed with the names of their axes.

    Nothing is computed; ``batch`` gives the shapes of the inputs.
    """
    inputs = example_shapes(batch)
    shapes = jax.eval_shape(lambda *given: network.init(jax.random.key(0), *given), *inputs)
    return shapes["params"]


def shardings_of(boxed: PyTree, mesh: Mesh) -> PyTree:
    """Makes a `NamedSharding` for each parameter that is boxed with the names of its axes."""

    def sharding(leaf: Any) -> NamedSharding:
        # A network of one's own need not name its axes: it is then whole on every device.
        if not isinstance(leaf, nn.LogicallyPartitioned):
            return replicated(mesh)
        return NamedSharding(mesh, param_spec(leaf.names, leaf.value.shape, mesh))

    is_boxed = lambda leaf: isinstance(leaf, nn.LogicallyPartitioned)  # noqa: E731
    return jax.tree.map(sharding, boxed, is_leaf=is_boxed)


def gathered(params: PyTree) -> PyTree:
    """Returns the shardings that parameters are computed with: whole over fsdp, split over tensor.

    A step asks for them before it uses a parameter. Left to itself, the compiler would rather move
    small activations than large parameters, and split their channels over fsdp, where the batch
    is; XLA (jax 0.10.2) then computed wrong FiLM conditions on a 2 x 2 x 2 mesh.

    Args:
      params: `NamedSharding` of each parameter.
    """

    def whole(sharding: NamedSharding) -> NamedSharding:
        # Tensor parts stay apart: to put them together would undo what the axis is for.
        axes = (None if axis == "fsdp" else axis for axis in sharding.spec)
        return NamedSharding(sharding.mesh, PartitionSpec(*axes))

    return jax.tree.map(whole, params)


def example_shapes(batch: JaxBatch) -> tuple[Any, ...]:
    """Returns the shapes of `example_inputs`."""
    return jax.eval_shape(lambda: example_inputs(batch))


def state_shardings(state: PyTree, params: PyTree, mesh: Mesh) -> PyTree:
    """Finds a sharding for each array in a training state.

    An array whose path ends with that of a parameter, and that has as many axes, belongs to it:
    averages, moments and accumulators lie where their parameter lies, whatever optimizer keeps
    them. Everything else is replicated.

    Args:
      state: any tree of arrays or shapes.
      params: `NamedSharding` of each parameter, as of `param_shardings`.
      mesh: where it all lies.
    """
    # By path, as optimizers keep what belongs to a parameter in trees like the parameters'.
    known = {_keys(path): sharding for path, sharding in jax.tree.leaves_with_path(params)}
    longest = max(len(path) for path in known)

    def sharding(path: tuple[Any, ...], leaf: Any) -> NamedSharding:
        keys = _keys(path)
        # From the longest end to the shortest, so that "a/kernel" is not taken for "kernel".
        for start in range(max(0, len(keys) - longest), len(keys)):
            found = known.get(keys[start:])
            # A factored moment has the path of its parameter but fewer axes, which no spec fits.
            if found is not None and len(found.spec) in (0, len(leaf.shape)):
                return found
        return replicated(mesh)

    return jax.tree.map_with_path(sharding, state)


def fetch_to_host(params: PyTree) -> PyTree:
    """Fetches parameters as NumPy arrays, wherever they lie; every process must call it."""
    # Nothing to be gathered where this process holds every part.
    if all(leaf.is_fully_addressable for leaf in jax.tree.leaves(params)):
        return jax.device_get(params)
    from jax.experimental import multihost_utils

    return multihost_utils.process_allgather(params, tiled=True)


def _keys(path: tuple[Any, ...]) -> tuple[str, ...]:
    """Returns the names along a path, however the tree's nodes give them."""
    return tuple(str(getattr(key, "key", getattr(key, "name", key))) for key in path)
