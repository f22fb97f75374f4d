"""Computes the gradient of one batch a micro-batch at a time, to save memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp

from mt3synth.types import PyTree

_Result = TypeVar("_Result")


def split_micro_batches(batch: PyTree, count: int) -> PyTree:
    """Cuts ``[B, ...]`` leaves into ``[count, B / count, ...]``.

    Micro-batch i holds examples i, i + count, ... and not i * B / count and its neighbours, so that
    each device keeps the examples it has: nothing moves when B is sharded.
    """

    def cut(leaf: jax.Array) -> jax.Array:
        shape = (leaf.shape[0] // count, count, *leaf.shape[1:])
        return jnp.swapaxes(jnp.reshape(leaf, shape), 0, 1)

    return jax.tree.map(cut, batch)


def sum_micro_batches(function: Callable[[PyTree], _Result], batch: PyTree, count: int) -> _Result:
    """Sums ``function`` over ``count`` micro-batches of ``batch``, one after the other.

    Args:
      function: of a micro-batch; gives a tree of arrays.
      batch: tree of ``[B, ...]`` arrays, B a multiple of ``count``.
      count: micro-batches; memory for activations falls as it grows.

    Returns:
      A tree like that of ``function``.
    """
    # No loop around a single turn, so that its program is that of a step without accumulation.
    if count == 1:
        return function(batch)
    pieces = split_micro_batches(batch, count)
    # What is summed up has the shapes of one turn's result, which nothing but tracing tells.
    shapes = jax.eval_shape(function, jax.tree.map(lambda leaf: leaf[0], pieces))
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

    def add(total: _Result, piece: PyTree) -> tuple[_Result, None]:
        return jax.tree.map(jnp.add, total, function(piece)), None

    # A scan and not a Python loop: the compiler must not run two micro-batches side by side.
    return jax.lax.scan(add, zeros, pieces)[0]
