"""Transformer layers of T5 version 1.1: no biases, RMS norms ahead, gated GELU.

Raffel et al. 2020 (arXiv 1910.10683) for the layers, Shazeer 2020 (arXiv 2002.05202) for the
gate. Neither relative positions nor any other bias enters the attention.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer
from jax.typing import DTypeLike

from mt3synth.models.axes import partitioned
from mt3synth.models.film import FiLM
from mt3synth.models.t5_config import T5Config
from mt3synth.types import Array, Bool, Float

FAN_IN = nn.initializers.variance_scaling(1.0, "fan_in", "truncated_normal")
KeysValues = tuple[Float[Array, "B H _ K"], Float[Array, "B H _ K"]]
"""Of as many positions as there are to attend to."""


def linear(
    features: int,
    axes: tuple[str, str],
    dtype: DTypeLike,
    kernel_init: Initializer = FAN_IN,
    name: str | None = None,
) -> nn.Dense:
    """A dense layer without bias whose kernel's axes are called ``axes``."""
    return nn.Dense(
        features,
        use_bias=False,
        dtype=dtype,
        kernel_init=partitioned(kernel_init, *axes),
        name=name,
    )


def convolution(
    features: int, kernel: int, axes: tuple[str, str], dtype: DTypeLike, name: str | None = None
) -> nn.Conv:
    """A convolution over ``kernel`` frames without bias, keeping their number.

    ``axes`` names the channels it reads and those it writes.
    """
    return nn.Conv(
        features,
        (kernel,),
        use_bias=False,
        dtype=dtype,
        kernel_init=partitioned(FAN_IN, "tap", *axes),
        name=name,
    )


def rms_norm(dtype: DTypeLike, name: str | None = None) -> nn.RMSNorm:
    """Zhang & Sennrich 2019 (arXiv 1910.07467); statistics in float32 whatever ``dtype``."""
    scale_init = partitioned(nn.initializers.ones, "embed")
    return nn.RMSNorm(epsilon=1e-6, dtype=dtype, scale_init=scale_init, name=name)


def film(name: str | None = None) -> FiLM:
    """FiLM that starts as any other kernel does, for Adafactor would not leave zero."""
    return FiLM(kernel_init=FAN_IN, name=name)


def dropout(rate: float) -> nn.Dropout:
    """Drops a channel at all positions of a sequence at once, as T5 does."""
    return nn.Dropout(rate, broadcast_dims=(-2,))


@jax.custom_jvp
def softmax(logits: Float[Array, "*rows N"]) -> Float[Array, "*rows N"]:
    """`jax.nn.softmax` whose derivative adds up each row by a product of vectors.

    Adding up ``weights * change`` instead takes XLA on a CPU several times as long.
    """
    return jax.nn.softmax(logits)


@softmax.defjvp
def _softmax_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (logits,), (change,) = primals, tangents
    weights = softmax(logits)
    # At full precision: a small difference is taken from this in the next line.
    mean = jnp.einsum("...n,...n->...", weights, change, precision="highest")
    return weights, weights * (change - mean[..., None])


def attend(
    query: Float[Array, "B H T K"],
    keys: Float[Array, "B H N K"],
    values: Float[Array, "B H N K"],
    mask: Bool[Array, "B N"] | None,
    drop: nn.Dropout,
    deterministic: bool,
) -> Float[Array, "B H T K"]:
    """Dot-product attention, logits and softmax in float32, to the keys where ``mask`` is True.

    The logits are not divided by ``sqrt(K)``; the query's initializer is. A row without any
    True gets zeros, for there is nothing to attend to.
    """
    # Products of bfloat16 are added up in float32: an error in a logit is a factor in a weight.
    logits = jnp.einsum("bhtk,bhnk->bhtn", query, keys, preferred_element_type=jnp.float32)
    if mask is None:
        weights = softmax(logits)
    else:
        visible = mask[:, None, None, :]
        # The least number and not minus infinity: in a row without any True that would give NaN,
        # and NaN as a gradient even where the next line puts zeros.
        weights = softmax(jnp.where(visible, logits, jnp.finfo(jnp.float32).min))
        weights = jnp.where(visible, weights, 0)
    # Weights lie between 0 and 1, so from here on the narrow type will do.
    weights = drop(weights.astype(values.dtype), deterministic=deterministic)
    return jnp.einsum("bhtn,bhnk->bhtk", weights, values)


class Attention(nn.Module):
    """Multi-head attention in two steps, so that keys and values can be computed once and kept."""

    config: T5Config

    def setup(self) -> None:
        config = self.config
        joined = config.heads * config.head_width
        kernel_init = nn.initializers.variance_scaling(1.0, "fan_in", "normal")
        # The division by ``sqrt(K)`` that `attend` leaves out.
        query_init = nn.initializers.variance_scaling(1.0 / config.head_width, "fan_in", "normal")
        # Heads and their width as one axis, as T5X names it, so that one sharding rule splits all
        # four.
        inward, outward = ("embed", "joined_kv"), ("joined_kv", "embed")
        dtype = config.activations
        # Three products and not one of three times the width: published weights have them apart.
        self.query = linear(joined, inward, dtype, query_init)
        self.key = linear(joined, inward, dtype, kernel_init)
        self.value = linear(joined, inward, dtype, kernel_init)
        self.out = linear(config.width, outward, dtype, kernel_init)
        self.drop = dropout(config.dropout)

    def keys_values(self, x: Float[Array, "B N D"]) -> KeysValues:
        """What ``x`` offers to be attended to."""
        # Split already, so that what is kept between the steps is what the products read.
        return self._split(self.key(x)), self._split(self.value(x))

    def __call__(
        self,
        x: Float[Array, "B T D"],
        keys_values: KeysValues,
        mask: Bool[Array, "B N"] | None,
        deterministic: bool,
    ) -> Float[Array, "B T D"]:
        """Each position of ``x`` attends to the keys and values where ``mask`` is True."""
        query = self._split(self.query(x))
        y = attend(query, *keys_values, mask, self.drop, deterministic)
        return self.out(y.swapaxes(1, 2).reshape(*x.shape[:2], -1))

    def _split(self, x: Float[Array, "B N joined"]) -> Float[Array, "B H N K"]:
        heads = x.reshape(*x.shape[:2], self.config.heads, self.config.head_width)
        return heads.swapaxes(1, 2)


class MLP(nn.Module):
    """Feed-forward block gated by a GELU (tanh approximation)."""

    config: T5Config

    @nn.compact
    def __call__(self, x: Float[Array, "B T D"], deterministic: bool) -> Float[Array, "B T D"]:
        config, dtype = self.config, self.config.activations
        # ``wi_0``, ``wi_1`` and ``wo`` are T5X's names, so that its checkpoints need no others.
        gate = linear(config.mlp_width, ("embed", "mlp"), dtype, name="wi_0")(x)
        y = linear(config.mlp_width, ("embed", "mlp"), dtype, name="wi_1")(x)
        y = dropout(config.dropout)(nn.gelu(gate, approximate=True) * y, deterministic)
        return linear(config.width, ("mlp", "embed"), dtype, name="wo")(y)
