"""Logical names of parameter axes: what a sharding rule may refer to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flax import linen as nn
from jax.nn.initializers import Initializer

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
    return nn.with_logical_partitioning(init, axes)
