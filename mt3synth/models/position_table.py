"""Vectors of whole-number positions: computed for any length, or looked up in a stored table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from mt3synth.models.axes import partitioned
from mt3synth.models.positions import frequencies, sinusoid
from mt3synth.models.t5_config import PositionTable
from mt3synth.types import Array, Bool, Float, Int, Key


def permuted_sinusoids(key: Key[Array, ""], rows: int, width: int) -> Float[Array, "rows width"]:
    """Sinusoids of positions 0, 1, ... with phases drawn at random, in an order drawn at random.

    Tables of Hawthorne et al. 2022 (arXiv 2206.05408) with context start so. What is at a place in
    the score then looks unlike what is at the same place among the frames.

    Args:
      key: of phases and order.
      rows: how many positions.
      width: number of channels; even, at least 4.
    """
    # Both from one key, which is all that an initializer is given.
    phase_key, order_key = jax.random.split(key)
    frequency = jax.random.permutation(order_key, jnp.tile(frequencies(width), 2))
    phase = jax.random.uniform(phase_key, (width,), maxval=2 * jnp.pi)
    return jnp.sin(jnp.arange(rows)[:, None] * frequency + phase)


def terminal_positions(mask: Bool[Array, "B C"], rows: int) -> Int[Array, "B C"]:
    """Positions that count up to ``rows - 1`` at the last True of each row.

    What came just before a segment so has one position however much came before that, and whether
    ``mask`` is False ahead of the frames or behind them. Places that are False count round the
    table; nothing attends to them.

    Args:
      mask: True where there is a frame; at most ``rows`` of them.
      rows: positions there are.
    """
    place = jnp.arange(mask.shape[1])
    # One behind the last True; 0 where there is none, where positions mean nothing anyway.
    end = jnp.max(jnp.where(mask, place + 1, 0), axis=1, keepdims=True)
    return (place - end) % rows


class Positions(nn.Module):
    """A vector for each position.

    Attributes:
      kind: "sinusoid" computes them; "stored" looks them up among the parameters, where they stay
        as they are: no gradient reaches them.
      rows: positions that a stored table has. Without one, any will do.
      width: channels D.
    """

    kind: PositionTable
    rows: int
    width: int

    @nn.compact
    def __call__(self, position: Int[Array, "*batch"]) -> Float[Array, "*batch D"]:
        """Vectors of positions, float32; in a stored table they must be below ``rows``."""
        # No parameter at all, so that bundles do not carry what can be computed.
        if self.kind == "sinusoid":
            return sinusoid(position.astype(jnp.float32), self.width)

        def init(key: Array, shape: Sequence[int], *_: Any, **__: Any) -> Array:
            return permuted_sinusoids(key, *shape)

        boxed = partitioned(init, "position", "lookup")
        # A parameter although it is never trained: checkpoints of the ancestor hold it, and it was
        # drawn at random, so it cannot be computed again.
        table = self.param("table", boxed, (self.rows, self.width))
        return jax.lax.stop_gradient(table)[position]
