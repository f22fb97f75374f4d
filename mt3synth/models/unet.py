"""The 1-D U-Net: convolutions over time, mel bins as channels, the piano roll joined to the noise.

The second backbone of Maman et al. 2023 (arXiv 2309.12283): the U-Net of Ho et al. 2020 (arXiv
2006.11239) with one-dimensional convolutions, attention and group norm, and FiLM of performance
and time in every block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from mt3synth.models.axes import partitioned
from mt3synth.models.conditions import Conditions
from mt3synth.models.film import FiLM, PerformanceEmbedding, TimeCondition
from mt3synth.models.remat import RematPolicy, rematerialised
from mt3synth.models.t5_config import ActivationType
from mt3synth.types import Array, Float

_INIT = nn.initializers.variance_scaling(1.0, "fan_in", "truncated_normal")


@dataclass(frozen=True)
class UNetConfig:
    """Shape of the U-Net.

    Attributes:
      mel_bins: M, channels of the denoised frames.
      roll_channels: R, channels of the piano roll.
      performances: P, number of known performances.
      widths: channels of each level; the frame rate halves from level to level.
      blocks: residual blocks of a level on the way down, and again on the way up.
      attention_levels: levels with self-attention after their blocks, 0 being the finest.
      heads: attention heads.
      roll_width: channels to which the roll is reduced before it is joined to the noisy frames.
      condition_width: width of the embeddings from which the two FiLM conditions are made.
      kernel: frames that a convolution of a block sees; odd.
      groups: groups of the group norm; divides every width.
      dropout: rate inside the blocks while training.
      dtype: of the activations. Parameters, softmax, statistics of the norms, conditions and the
        prediction are float32.

    Raises:
      ValueError: a width that the groups or heads do not divide, an even kernel, no levels.
    """

    mel_bins: int
    roll_channels: int
    performances: int
    widths: tuple[int, ...] = (192, 224, 288)
    blocks: int = 2
    attention_levels: tuple[int, ...] = (2,)
    heads: int = 4
    roll_width: int = 160
    condition_width: int = 24
    kernel: int = 3
    groups: int = 8
    dropout: float = 0.0
    dtype: ActivationType = "float32"

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        object.__setattr__(self, "attention_levels", tuple(self.attention_levels))
        for name in ("mel_bins", "roll_channels", "performances", "blocks", "roll_width"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}; must be at least 1")
        if not self.widths or any(w % self.groups or w % self.heads for w in self.widths):
            raise ValueError(
                f"widths={self.widths}; each must be a multiple of groups={self.groups} and of "
                f"heads={self.heads}"
            )
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel={self.kernel} frames; must be odd")

    @property
    def activations(self) -> jnp.dtype:
        """``dtype`` as JAX takes it."""
        return jnp.dtype(self.dtype)

    @property
    def stride(self) -> int:
        """Frames of the finest level that make one of the coarsest."""
        return 2 ** (len(self.widths) - 1)


class UNetContext(NamedTuple):
    """What the U-Net keeps of the conditions between denoising steps."""

    score: Float[Array, "B T W"]
    performance: Float[Array, "B C"]


def conv(
    features: int,
    kernel: int,
    *,
    name: str,
    dtype: Any,
    axes: tuple[str, str] = ("conv_in", "conv_out"),
    stride: int = 1,
    init: nn.initializers.Initializer = _INIT,
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


class ResidualBlock(nn.Module):
    """Two convolutions with group norm, SiLU and FiLM, beside a skip (Ho et al. 2020)."""

    config: UNetConfig
    features: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "B T D"], condition: Float[Array, "B C"], deterministic: bool
    ) -> Float[Array, "B T E"]:
        c = self.config
        h = nn.silu(group_norm(c.groups, name="norm_in", dtype=c.activations)(x))
        inward, outward = ("conv_in", "conv_hidden"), ("conv_hidden", "conv_out")
        h = conv(self.features, c.kernel, name="conv_in", dtype=c.activations, axes=inward)(h)
        h = group_norm(c.groups, name="norm_out", dtype=c.activations, axis="conv_hidden")(h)
        h = nn.silu(FiLM(name="film")(h, condition))
        h = nn.Dropout(c.dropout)(h, deterministic=deterministic)
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


class SelfAttention(nn.Module):
    """Attention over all frames of a level, added to its input."""

    config: UNetConfig

    @nn.compact
    def __call__(self, x: Float[Array, "B T D"]) -> Float[Array, "B T D"]:
        c, width = self.config, x.shape[-1]

        def project(name: str) -> Array:
            return nn.Dense(
                width,
                use_bias=False,
                dtype=c.activations,
                kernel_init=partitioned(_INIT, "embed", "joined_kv"),
                name=name,
            )(h).reshape(*h.shape[:2], c.heads, width // c.heads)

        h = group_norm(c.groups, name="norm", dtype=c.activations)(x)
        mixed = jax.nn.dot_product_attention(project("query"), project("key"), project("value"))
        # Starts as the identity, like the residual blocks.
        return x + nn.Dense(
            width,
            use_bias=False,
            dtype=c.activations,
            kernel_init=partitioned(nn.initializers.zeros, "joined_kv", "embed"),
            name="out",
        )(mixed.reshape(x.shape))


class UNet(nn.Module):
    """Denoises mel frames given a piano roll and a performance.

    ``encode`` turns the conditions into a context once; ``decode`` uses it at every step.

    Attributes:
      config: shape and options.
      remat: what the residual blocks keep for the backward pass; changes no result.
    """

    config: UNetConfig
    remat: RematPolicy = "none"

    def setup(self) -> None:
        c = self.config
        block = rematerialised(ResidualBlock, self.remat, static_argnums=(3,))
        attention = rematerialised(SelfAttention, self.remat, static_argnums=())
        self.roll_in = nn.Dense(
            c.roll_width,
            use_bias=False,
            dtype=c.activations,
            kernel_init=partitioned(_INIT, "roll", "conv_in"),
        )
        self.roll_conv = conv(c.roll_width, 7, name="roll_conv", dtype=c.activations)
        self.null_score = self.param(
            "null_score",
            partitioned(nn.initializers.normal(0.02), "conv_in"),
            (c.roll_width,),
        )
        self.performance_embedding = PerformanceEmbedding(c.performances, c.condition_width)
        self.time = TimeCondition(c.condition_width)
        self.frames_in = conv(c.widths[0], 7, name="frames_in", dtype=c.activations)
        self.down_blocks = [
            [block(c, width, name=f"down_{i}_{j}") for j in range(c.blocks)]
            for i, width in enumerate(c.widths)
        ]
        self.down_attention = {
            i: attention(c, name=f"down_{i}_attention") for i in c.attention_levels
        }
        self.downsample = [
            conv(width, c.kernel, name=f"downsample_{i}", dtype=c.activations, stride=2)
            for i, width in enumerate(c.widths[1:])
        ]
        self.up_blocks = [
            [block(c, width, name=f"up_{i}_{j}") for j in range(c.blocks)]
            for i, width in enumerate(c.widths)
        ]
        self.up_attention = {i: attention(c, name=f"up_{i}_attention") for i in c.attention_levels}
        self.upsample = [
            conv(width, c.kernel, name=f"upsample_{i}", dtype=c.activations)
            for i, width in enumerate(c.widths[:-1])
        ]
        self.norm_out = group_norm(c.groups, name="norm_out", dtype=c.activations)
        self.frames_out = conv(
            c.mel_bins,
            c.kernel,
            name="frames_out",
            dtype=jnp.float32,
            axes=("conv_in", "mel"),
            init=nn.initializers.zeros,
        )

    def encode(self, conditions: Conditions) -> UNetContext:
        """Roll and performance as the blocks will use them.

        Raises:
          ValueError: no roll, or one with other channels than the network was built for.
        """
        roll = conditions.roll
        if roll is None:
            raise ValueError("the U-Net reads a piano roll, but the conditions hold none")
        if roll.shape[-1] != self.config.roll_channels:
            raise ValueError(
                f"piano roll has {roll.shape[-1]} channels; the network was built for "
                f"{self.config.roll_channels}"
            )
        score = self.roll_conv(nn.silu(self.roll_in(roll)))
        keep = conditions.keep_score[:, None, None]
        score = jnp.where(keep, score, self.null_score.astype(score.dtype))
        return UNetContext(
            score,
            self.performance_embedding(conditions.performance, conditions.keep_performance),
        )

    def decode(
        self,
        x_t: Float[Array, "B T M"],
        time: Float[Array, " B"],
        context: UNetContext,
        deterministic: bool = True,
    ) -> Float[Array, "B T M"]:
        """The prediction for frames ``x_t`` at diffusion time in [0, 1], float32."""
        c, frames = self.config, x_t.shape[1]
        condition = jnp.concatenate([context.performance, self.time(time)], axis=-1)
        h = jnp.concatenate([x_t.astype(c.activations), context.score], axis=-1)
        # The levels halve the frames, so they work on a multiple of the stride.
        h = jnp.pad(h, ((0, 0), (0, -frames % c.stride), (0, 0)))
        h = self.frames_in(h)

        skips = []
        for i, blocks in enumerate(self.down_blocks):
            for block in blocks:
                h = block(h, condition, deterministic)
                skips.append(h)
            if i in self.down_attention:
                h = self.down_attention[i](h)
            if i < len(self.downsample):
                h = self.downsample[i](h)
        for i in reversed(range(len(self.up_blocks))):
            if i < len(self.upsample):
                h = self.upsample[i](jnp.repeat(h, 2, axis=1))
            for block in self.up_blocks[i]:
                h = block(jnp.concatenate([h, skips.pop()], axis=-1), condition, deterministic)
            if i in self.up_attention:
                h = self.up_attention[i](h)
        h = self.frames_out(nn.silu(self.norm_out(h)).astype(jnp.float32))
        return h[:, :frames]

    def __call__(
        self,
        x_t: Float[Array, "B T M"],
        time: Float[Array, " B"],
        conditions: Conditions,
        deterministic: bool = True,
    ) -> Float[Array, "B T M"]:
        """``decode`` of ``encode``; what training calls."""
        return self.decode(x_t, time, self.encode(conditions), deterministic)
