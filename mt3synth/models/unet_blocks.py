"""Blocks of the 1-D U-Net: convolutions, group norm, residual blocks and attention.

Frames that only fill a level up to the stride are marked by a mask ``[T]``, False on them. They
are zero wherever a convolution reads them, like the frames beyond its edges, count for no norm and
are attended to by none, so that the others do not depend on how many they are. Without such frames
the mask is None.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from mt3synth.models.axes import partitioned
from mt3synth.models.film import FiLM
from mt3synth.models.layers import KeysValues, attend
from mt3synth.models.positions import sinusoid
from mt3synth.models.unet_config import UNetConfig
from mt3synth.types import Array, Bool, Float

INIT = nn.initializers.variance_scaling(1.0, "fan_in", "truncated_normal")
FrameMask = Bool[Array, " T"] | None


def conv(
    features: int,
    kernel: int,
    *,
    name: str,
    dtype: Any,
    axes: tuple[str, str] = ("conv_in", "conv_out"),
    stride: int = 1,
    init: nn.initializers.Initializer = INIT,
) -> nn.Conv:
    """A convolution over time; ``axes`` names the channels it reads and those it writes."""
    return nn.Conv(
        features,
        (kernel,),
        strides=(stride,),
        padding="SAME",
        dtype=dtype,
        kernel_init=partitioned(init, "tap", *axes),
        bias_init=partitioned(nn.initializers.zeros, axes[1]),
        name=name,
    )


def group_norm(groups: int, *, name: str, dtype: Any, axis: str = "embed") -> nn.GroupNorm:
    """Group norm over time and the channels of each group; statistics in float32."""
    return nn.GroupNorm(
        groups,
        dtype=dtype,
        scale_init=partitioned(nn.initializers.ones, axis),
        bias_init=partitioned(nn.initializers.zeros, axis),
        name=name,
    )


def normed(norm: nn.GroupNorm, x: Float[Array, "B T D"], mask: FrameMask) -> Float[Array, "B T D"]:
    """``norm`` of ``x``, its statistics over the frames of the mask."""
    if mask is None:
        return norm(x)
    return norm(x, mask=jnp.broadcast_to(mask[:, None], x.shape))


def silenced(x: Float[Array, "B T D"], mask: FrameMask) -> Float[Array, "B T D"]:
    """``x`` with zeros outside the mask, as a convolution is to read it."""
    return x if mask is None else jnp.where(mask[:, None], x, 0)


class ResidualBlock(nn.Module):
    """Two convolutions with group norm, SiLU and FiLM, beside a skip (Ho et al. 2020)."""

    config: UNetConfig
    features: int

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "B T D"],
        condition: Float[Array, "B C"],
        mask: FrameMask,
        deterministic: bool,
    ) -> Float[Array, "B T E"]:
        c = self.config
        h = nn.silu(normed(group_norm(c.groups, name="norm_in", dtype=c.activations), x, mask))
        inward, outward = ("conv_in", "conv_hidden"), ("conv_hidden", "conv_out")
        h = silenced(h, mask)
        h = conv(self.features, c.kernel, name="conv_in", dtype=c.activations, axes=inward)(h)
        norm = group_norm(c.groups, name="norm_out", dtype=c.activations, axis="conv_hidden")
        h = nn.silu(FiLM(name="film")(normed(norm, h, mask), condition))
        h = nn.Dropout(c.dropout)(silenced(h, mask), deterministic=deterministic)
        # Starts as the identity: the last convolution is zero.
        h = conv(
            self.features,
            c.kernel,
            name="conv_out",
            dtype=c.activations,
            axes=outward,
            init=nn.initializers.zeros,
        )(h)
        if x.shape[-1] != self.features:
            x = conv(self.features, 1, name="skip", dtype=c.activations)(x)
        return x + h


def depthwise(
    x: Float[Array, "B T D"], taps: Float[Array, "K D"], dilation: int = 1
) -> Float[Array, "B T D"]:
    """Convolves each channel over time by itself; zeros lie beyond the edges.

    A sum of shifted frames, which is one pass over them: on a CPU XLA's own grouped convolution
    takes as long as mixing all channels (`tests/benchmarks/depthwise.py`).

    Args:
      x: frames.
      taps: K of them, odd, for each channel.
      dilation: frames from one tap to the next.
    """
    kernel, frames = len(taps), x.shape[1]
    reach = kernel // 2 * dilation
    padded = jnp.pad(x, ((0, 0), (reach, reach), (0, 0)))
    shifted = (padded[:, k * dilation : k * dilation + frames] * taps[k] for k in range(kernel))
    return sum(shifted, jnp.zeros((), x.dtype))


class DepthwiseBlock(nn.Module):
    """A long convolution of each channel, norm, FiLM, and two products of channels beside a skip.

    Attributes:
      config: shape and options.
      features: channels that come out.
      dilation: frames between the taps of the convolution.
    """

    config: UNetConfig
    features: int
    dilation: int = 1

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "B T D"],
        condition: Float[Array, "B C"],
        mask: FrameMask,
        deterministic: bool,
    ) -> Float[Array, "B T E"]:
        c = self.config
        # Before all else, so that what is handed on from the way down costs one product.
        if x.shape[-1] != self.features:
            x = conv(self.features, 1, name="skip", dtype=c.activations)(x)
        taps = self.param(
            "taps",
            partitioned(nn.initializers.normal(c.kernel**-0.5), "tap", "embed"),
            (c.kernel, self.features),
        )
        h = depthwise(silenced(x, mask), taps.astype(c.activations), self.dilation)
        h = normed(group_norm(c.groups, name="norm", dtype=c.activations), h, mask)
        h = FiLM(name="film")(h, condition)
        hidden = c.expansion * self.features
        inward, outward = ("conv_in", "conv_hidden"), ("conv_hidden", "conv_out")
        h = nn.silu(conv(hidden, 1, name="mix_in", dtype=c.activations, axes=inward)(h))
        h = nn.Dropout(c.dropout)(h, deterministic=deterministic)
        # Starts as the identity, like the residual blocks.
        zeros = nn.initializers.zeros
        mix_out = conv(
            self.features, 1, name="mix_out", dtype=c.activations, axes=outward, init=zeros
        )
        return x + mix_out(h)


class SelfAttention(nn.Module):
    """Attention over all frames of a level, added to its input."""

    config: UNetConfig

    @nn.compact
    def __call__(self, x: Float[Array, "B T D"], mask: FrameMask) -> Float[Array, "B T D"]:
        c, width = self.config, x.shape[-1]

        def project(name: str) -> Array:
            return nn.Dense(
                width,
                use_bias=False,
                dtype=c.activations,
                kernel_init=partitioned(INIT, "embed", "joined_kv"),
                name=name,
            )(h).reshape(*h.shape[:2], c.heads, width // c.heads)

        h = normed(group_norm(c.groups, name="norm", dtype=c.activations), x, mask)
        mixed = jax.nn.dot_product_attention(
            project("query"),
            project("key"),
            project("value"),
            mask=None if mask is None else mask[None, None, None, :],
        )
        # Starts as the identity, like the residual blocks.
        return x + nn.Dense(
            width,
            use_bias=False,
            dtype=c.activations,
            kernel_init=partitioned(nn.initializers.zeros, "joined_kv", "embed"),
            name="out",
        )(mixed.reshape(x.shape))


class ScoreAttention(nn.Module):
    """Attention of a level's frames to the encoded tokens, added to its input.

    The frames of a U-Net bear no positions, yet a token is looked for by where it sounds. So a
    sinusoid of a frame's place in the segment, through a learned projection, joins its query.

    Attributes:
      config: shape and options.
      features: channels of the level, D.
      stride: frames of the finest level that make one of this.
    """

    config: UNetConfig
    features: int
    stride: int

    def setup(self) -> None:
        c = self.config
        joined = c.token_heads * c.token_head_width

        def dense(
            features: int, axes: tuple[str, str], init: nn.initializers.Initializer = INIT
        ) -> nn.Dense:
            return nn.Dense(
                features,
                use_bias=False,
                dtype=c.activations,
                kernel_init=partitioned(init, *axes),
            )

        # attend() does not divide by the square root of a head's width; the query begins so.
        scaled = nn.initializers.variance_scaling(1 / c.token_head_width, "fan_in", "normal")
        self.norm = group_norm(c.groups, name="norm", dtype=c.activations)
        self.place = dense(self.features, ("position", "embed"))
        self.query = dense(joined, ("embed", "joined_kv"), scaled)
        self.key = dense(joined, ("embed", "joined_kv"))
        self.value = dense(joined, ("embed", "joined_kv"))
        # Starts as the identity, like the residual blocks.
        self.out = dense(self.features, ("joined_kv", "embed"), nn.initializers.zeros)
        self.drop = nn.Dropout(c.dropout)

    def keys_values(self, encoded: Float[Array, "B N E"]) -> KeysValues:
        """What this place reads of the encoded tokens; the same at every denoising step."""
        return self._split(self.key(encoded)), self._split(self.value(encoded))

    def __call__(
        self,
        x: Float[Array, "B T D"],
        keys_values: KeysValues,
        token_mask: Bool[Array, "B N"],
        mask: FrameMask,
        deterministic: bool,
    ) -> Float[Array, "B T D"]:
        centre = (jnp.arange(x.shape[1]) + 0.5) * self.stride - 0.5
        h = normed(self.norm, x, mask) + self.place(sinusoid(centre, self.config.token_width))
        query = self._split(self.query(h))
        mixed = attend(query, *keys_values, token_mask, self.drop, deterministic)
        return x + self.out(mixed.swapaxes(1, 2).reshape(*x.shape[:2], -1))

    def _split(self, x: Float[Array, "B N joined"]) -> Float[Array, "B H N K"]:
        heads = x.reshape(*x.shape[:2], self.config.token_heads, self.config.token_head_width)
        return heads.swapaxes(1, 2)
