"""Gives logical axis names the form that t5x reads; needs no t5x."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
from flax.linen.partitioning import AxisMetadata
from flax.traverse_util import flatten_dict, unflatten_dict

from mt3synth.training.parallel.sharding import LOGICAL_RULES
from mt3synth.types import PyTree

_MESH_AXES: dict[str | None, str | None] = {"tensor": "model", "fsdp": "data", None: None}
"""What t5x calls the axes of the mesh."""


def with_axes(variables: PyTree) -> dict[str, PyTree]:
    """Takes parameters out of their boxes, and puts ``params_axes`` beside them for t5x.

    A parameter ``kernel`` has its names in an entry ``kernel_axes``, as
    `flax.linen.partitioning.param_with_axes` would have put them there.

    Args:
      variables: what a network's ``init`` gives.

    Raises:
      ValueError: a parameter has no names.
    """
    boxed = flatten_dict(variables["params"], is_leaf=_is_boxed)
    nameless = ["/".join(path) for path, leaf in boxed.items() if not _is_boxed(path, leaf)]
    if nameless:
        raise ValueError(f"parameters without logical axes: {', '.join(nameless)}")
    # Only the value: unboxing as flax does it would constrain each to the mesh at hand.
    values = {path: leaf.value for path, leaf in boxed.items()}
    axes = {
        (*path[:-1], f"{path[-1]}_axes"): AxisMetadata(names=leaf.names)
        for path, leaf in boxed.items()
    }
    return {"params": unflatten_dict(values), "params_axes": unflatten_dict(axes)}


def logical_axis_rules(fsdp: bool = False) -> list[tuple[str, str | None]]:
    """Translates the project's sharding rules for ``t5x.partitioning.PjitPartitioner``.

    t5x's mesh has two axes: ``data``, over which batches are spread, and ``model``, which is
    ``tensor`` here. Unlike in this project's own trainer an axis that the mesh does not divide is
    an error there.

    Args:
      fsdp: spread parameters over ``data`` too.
    """
    split = {**_MESH_AXES, "fsdp": "data" if fsdp else None}
    return [("batch", "data"), *((name, split[axis]) for name, axis in LOGICAL_RULES)]


def find_axes(state: PyTree, names: PyTree) -> PyTree:
    """Finds for each array in an optimizer's state the names of its parameter, or None.

    An array belongs to a parameter if its path ends with that of the parameter.

    Args:
      state: nested dictionaries of arrays or shapes.
      names: nested dictionaries of parameters, with names instead of values.
    """
    known = flatten_dict(names)
    longest = max(map(len, known))

    def found(path: tuple[str, ...]) -> Any:
        ends = (path[start:] for start in range(max(0, len(path) - longest), len(path)))
        return next((known[end] for end in ends if end in known), None)

    return unflatten_dict({path: found(path) for path in flatten_dict(state)})


def _is_boxed(path: tuple[str, ...], leaf: Any) -> bool:
    del path
    return isinstance(leaf, nn.LogicallyPartitioned)


def typed_key(key: jax.Array) -> jax.Array:
    """Makes a key like those of `jax.random.key` from the raw data that t5x passes."""
    if jax.dtypes.issubdtype(key.dtype, jax.dtypes.prng_key):
        return key
    return jax.random.wrap_key_data(key)
