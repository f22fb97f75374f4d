"""Logical names of parameter axes: what a sharding rule may refer to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer
from jax.typing import DTypeLike

from mt3synth.types import Array

LOGICAL_AXES = {
    "embed": "width of the network, D",
    "mlp": "hidden channels of a feed-forward block",
    "joined_kv": "heads times the width of a head, H * K",
    "vocab": "entries of the token embedding",
    "performance": "entries of the performance embedding, P",
    "lookup": "width of an entry in a table from which single entries are taken",
    "condition": "channels of the condition that FiLM reads",
    "film": "gamma beside beta, two for each channel modulated",
    "mel": "mel bins, M",
    "roll": "piano-roll channels, R",
    "tap": "positions under a convolution's kernel",
    "position": "positions in a stored table of them, or channels of a sinusoid of one",
    "conv_in": "channels a convolution reads",
    "conv_hidden": "channels between the two convolutions of a residual block",
    "conv_out": "channels a convolution writes",
}
"""Every name in use, with its meaning. The first four are T5X's own."""


_SHAPES_ALONE = ContextVar("shapes_alone", default=False)


@contextmanager
def shapes_alone() -> Iterator[None]:
    """Lets every initializer give zeros, for who traces a network to see the shapes it has.

    The random numbers of all parameters take longer to trace than the network does.
    """
    token = _SHAPES_ALONE.set(True)
    try:
        yield
    finally:
        _SHAPES_ALONE.reset(token)


def partitioned(init: Initializer, *axes: str) -> Callable[..., Any]:
    """``init`` made to box its parameter with the logical names of its axes.

    Args:
      init: initializer of a float32 parameter.
      axes: one name for each axis, all from ``LOGICAL_AXES``.

    Raises:
      ValueError: a name outside ``LOGICAL_AXES``.
    """
    unknown = set(axes) - set(LOGICAL_AXES)
    if unknown:
        raise ValueError(f"unknown axis names {sorted(unknown)}; known are {list(LOGICAL_AXES)}")

    def make(key: Array, shape: Sequence[int], dtype: DTypeLike = jnp.float32) -> Array:
        return jnp.zeros(shape, dtype) if _SHAPES_ALONE.get() else init(key, shape, dtype)

    return nn.with_logical_partitioning(make, axes)
