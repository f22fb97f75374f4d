"""What one performance has of its own: small additions to the weights that all share.

To a matrix, or a convolution's kernel read as one, the product of two thin matrices is added (Hu et
al. 2021, arXiv 2106.09685); to a vector, a vector. They are for one performance alone: whoever
renders another uses the weights as they were, and gets the same bits.

A tree of additions is like that of the parameters, with a dictionary in place of each parameter:
``left`` and ``right``, or ``shift``. Tables of embeddings, and what makes a condition of a
performance, get none.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from mt3synth.types import Array, PyTree

_ADDED = ("kernel", "bias", "scale")
"""Names of the parameters that get additions: those of layers, by flax's names."""
_NOT_IN = ("performance_embedding", "time")
"""Modules without: a performance has an embedding of its own, and time sounds like nothing."""
LEFT, RIGHT, SHIFT = "left", "right", "shift"


def addition_shapes(params: PyTree, rank: int) -> PyTree:
    """Returns the shapes of the additions that a network's parameters may have.

    Args:
      params: arrays or shapes, nested as the network names them.
      rank: of what is added to a matrix, at most; at least 1.

    Raises:
      ValueError: the rank is below 1.
    """
    if rank < 1:
        raise ValueError(f"rank={rank}; must be at least 1")
    shapes: dict[tuple[str, ...], tuple[int, ...]] = {}
    for path, leaf in flatten_dict(params).items():
        if path[-1] not in _ADDED or path[0] in _NOT_IN:
            continue
        if len(leaf.shape) < 2:
            shapes[*path, SHIFT] = tuple(leaf.shape)
            continue
        rows, columns = math.prod(leaf.shape[:-1]), leaf.shape[-1]
        # A product of more would be no smaller than the matrix.
        inner = min(rank, rows, columns)
        shapes[*path, LEFT], shapes[*path, RIGHT] = (rows, inner), (inner, columns)
    described = {k: jax.ShapeDtypeStruct(v, jnp.float32) for k, v in shapes.items()}
    return unflatten_dict(described)


def fresh_additions(params: PyTree, rank: int, seed: int) -> PyTree:
    """Makes additions that add nothing yet, as float32: ``left`` is random, all else zero.

    Args:
      params, rank: as in `addition_shapes`.
      seed: of the random half; of two zeros that are multiplied neither would ever get a gradient.
    """
    rng = np.random.default_rng(seed)

    def make(path: tuple[str, ...], shape: tuple[int, ...]) -> np.ndarray:
        if path[-1] != LEFT:
            return np.zeros(shape, np.float32)
        # Of the scale of a layer's own kernel, so that what goes through it has unit size.
        return rng.normal(0, 1 / math.sqrt(shape[0]), shape).astype(np.float32)

    flat = flatten_dict(addition_shapes(params, rank))
    return unflatten_dict({path: make(path, leaf.shape) for path, leaf in flat.items()})


def add(params: PyTree, additions: PyTree) -> PyTree:
    """Returns the parameters with additions; those without any are the very same arrays."""
    flat: dict[tuple[str, ...], Any] = dict(flatten_dict(params))
    for path, parts in _by_parameter(additions).items():
        whole = flat[path]
        flat[path] = whole + _sum_of(parts).reshape(whole.shape)
    return unflatten_dict(flat)


def add_where(params: PyTree, additions: PyTree, here: Array) -> PyTree:
    """Adds where a condition that is traced holds; elsewhere the values are those of before.

    Args:
      params, additions: as for `add`.
      here: one truth value.
    """
    share = jnp.where(here, 1.0, 0.0)
    # Half of a product is enough, and a sum with zero changes no bit.
    scaled = {
        path: part if path[-1] == LEFT else share * part
        for path, part in flatten_dict(additions).items()
    }
    return add(params, unflatten_dict(scaled))


def check_additions(params: PyTree, additions: PyTree) -> None:
    """Checks that additions are to parameters of a network, and of their shapes.

    Raises:
      ValueError: one is not; names it.
    """
    flat = flatten_dict(params)
    for path, parts in _by_parameter(additions).items():
        name = "/".join(path)
        if path not in flat:
            raise ValueError(f"addition to {name}, which the network has not")
        shape = tuple(flat[path].shape)
        rows, columns = math.prod(shape[:-1]), shape[-1] if shape else 1
        found = {part: tuple(value.shape) for part, value in parts.items()}
        inner = found.get(LEFT, (0, 0))[-1]
        whole = {LEFT: (rows, inner), RIGHT: (inner, columns)}
        if found not in ({SHIFT: shape}, whole):
            raise ValueError(f"addition to {name} of shapes {found}; the parameter has {shape}")


def _sum_of(parts: dict[str, Any]) -> Array:
    return jnp.asarray(parts[SHIFT]) if SHIFT in parts else jnp.matmul(parts[LEFT], parts[RIGHT])


def _by_parameter(additions: PyTree) -> dict[tuple[str, ...], dict[str, Any]]:
    """Gathers the parts of each addition, by the path of its parameter."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for path, part in flatten_dict(additions).items():
        found.setdefault(path[:-1], {})[path[-1]] = part
    return found
