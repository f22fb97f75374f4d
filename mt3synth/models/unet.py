"""The 1-D U-Net: convolutions over time, mel bins as channels, the piano roll joined to the noise.

The second backbone of Maman et al. 2023 (arXiv 2309.12283): the U-Net of Ho et al. 2020 (arXiv
2006.11239) with one-dimensional convolutions, attention and group norm, and FiLM of performance
and time in every block.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from mt3synth.models.axes import partitioned
from mt3synth.models.conditions import Conditions
from mt3synth.models.film import PerformanceEmbedding, TimeCondition
from mt3synth.models.layers import KeysValues
from mt3synth.models.note_prior import FramePrior, NotePrior
from mt3synth.models.remat import RematPolicy, rematerialised
from mt3synth.models.score_encoders import TokenEncoder
from mt3synth.models.unet_blocks import (
    INIT,
    DepthwiseBlock,
    FrameMask,
    ResidualBlock,
    ScoreAttention,
    SelfAttention,
    conv,
    group_norm,
    normed,
    silenced,
)
from mt3synth.models.unet_config import UNetConfig
from mt3synth.types import Array, Bool, Float

__all__ = ["UNet", "UNetConfig", "UNetContext"]


class UNetContext(NamedTuple):
    """What the U-Net keeps of the conditions between denoising steps.

    Attributes:
      score: the roll, reduced, or the sketch and features of the notes, ``[B, T, W]``.
      performance: ``MLP_perf(v)``, ``[B, 4 * condition_width]``.
      keys_values: for each place that attends to the tokens their keys and values, each
        ``[B, H, N, K]``; empty without a token encoder.
      token_mask: True where there is a token to attend to, ``[B, N]``; None without.
      prior: mean and deviation of the frames; None without a note encoder.
    """

    score: Float[Array, "B T W"]
    performance: Float[Array, "B C"]
    keys_values: dict[str, KeysValues]
    token_mask: Bool[Array, "B N"] | None
    prior: FramePrior | None = None


class UNet(nn.Module):
    """Denoises mel frames given a piano roll, a performance and perhaps the note events.

    ``encode`` turns the conditions into a context once; ``decode`` uses it at every step.

    Attributes:
      config: shape and options.
      remat: what the residual blocks keep for the backward pass; changes no result.
    """

    config: UNetConfig
    remat: RematPolicy = "none"

    def setup(self) -> None:
        c = self.config
        ddpm, levels = c.layout == "ddpm", range(len(c.widths))
        residual = rematerialised(ResidualBlock, self.remat, static_argnums=(4,))
        by_channel = rematerialised(DepthwiseBlock, self.remat, static_argnums=(4,))

        def block(width: int, where: str, number: int) -> Any:
            name = f"{where}_{number}"
            if c.block == "residual":
                return residual(c, width, name=name)
            # Near, farther and far in turn: at the full rate a note's room is hundreds of frames.
            return by_channel(c, width, 4 ** (number % 3), name=name)

        if c.prior is None:
            self.roll_in = nn.Dense(
                c.roll_width,
                use_bias=False,
                dtype=c.activations,
                kernel_init=partitioned(INIT, "roll", "conv_in"),
            )
            self.roll_conv = conv(c.roll_width, 7, name="roll_conv", dtype=c.activations)
            self.null_score = self.param(
                "null_score",
                partitioned(nn.initializers.normal(0.02), "conv_in"),
                (c.roll_width,),
            )
        else:
            self.note_prior = NotePrior(c.prior, c.mel_bins)
        self.performance_embedding = PerformanceEmbedding(c.performances, c.condition_width)
        self.time = TimeCondition(c.condition_width)
        # Seven frames, as the paper has for what comes in (as `ROLL_KERNEL` for the roll).
        self.frames_in = conv(c.widths[0], 7, name="frames_in", dtype=c.activations)
        self.down_blocks = [
            [block(c.widths[i], f"down_{i}", j) for j in range(c.blocks)] for i in levels
        ]
        # A level begins with the width that the resampling before it leaves.
        self.downsample = [
            conv(width, c.kernel, name=f"downsample_{i}", dtype=c.activations, stride=2)
            for i, width in enumerate(c.widths[:-1] if ddpm else c.widths[1:])
        ]
        self.middle_blocks = [block(c.widths[-1], "middle", j) for j in range(2 if c.middle else 0)]
        self.up_blocks = [
            [block(c.widths[i], f"up_{i}", j) for j in range(c.blocks + ddpm)] for i in levels
        ]
        self.upsample = [
            conv(width, c.kernel, name=f"upsample_{i}", dtype=c.activations)
            for i, width in enumerate(c.widths[1:] if ddpm else c.widths[:-1])
        ]
        self._setup_attention()
        self.norm_out = group_norm(c.groups, name="norm_out", dtype=c.activations)
        self.frames_out = conv(
            c.mel_bins,
            c.kernel,
            name="frames_out",
            dtype=jnp.float32,
            axes=("conv_in", "mel"),
            # Zero at first, as in the code that Ho et al. 2020 released.
            init=nn.initializers.zeros,
        )

    def _setup_attention(self) -> None:
        c = self.config
        # Names of places become names of parameters, so that a level may gain or lose attention
        # while all other weights keep theirs.
        places = {"middle": len(c.widths) - 1} if c.middle else {}
        for i in c.attention_levels:
            if c.layout == "light":
                places |= {f"down_{i}": i, f"up_{i}": i}
            else:
                places |= {f"down_{i}_{j}": i for j in range(c.blocks)}
                places |= {f"up_{i}_{j}": i for j in range(c.blocks + 1)}
        attention = rematerialised(SelfAttention, self.remat, static_argnums=())
        self.attention = {place: attention(c, name=f"{place}_attention") for place in places}
        if not c.token_layers:
            self.score_attention = {}
            return
        to_tokens = rematerialised(ScoreAttention, self.remat, static_argnums=(5,))
        self.score_attention = {
            # At every place that attends at all: tokens say where things are, and elsewhere a block
            # sees but a few frames.
            place: to_tokens(c, c.widths[i], 2**i, name=f"{place}_score_attention")
            for place, i in places.items()
        }
        self.token_encoder = TokenEncoder(c.tokens, self.remat)
        null_init = partitioned(nn.initializers.normal(1.0), "embed")
        self.null_tokens = self.param("null_tokens", null_init, (c.token_width,))

    def encode(self, conditions: Conditions, deterministic: bool = True) -> UNetContext:
        """Roll, tokens and performance as the blocks will use them.

        Of a score that is not kept one learned vector is left in each frame, and one to attend to.

        Raises:
          ValueError: no roll, or one with other channels than the network was built for; no
            tokens, or too many, where they are read.
        """
        performance = self.performance_embedding(
            conditions.performance, conditions.keep_performance
        )
        # With a prior the list of notes stands for the roll, and the sketch is read in its place.
        prior = None
        if self.config.prior is None:
            score = self._encode_roll(conditions)
        else:
            prior, score = self.note_prior(conditions, performance)
            score = score.astype(self.config.activations)
        if not self.score_attention:
            return UNetContext(score, performance, {}, None, prior)
        keep = conditions.keep_score[:, None]
        tokens, mask = self.token_encoder(conditions, performance, deterministic)
        tokens = jnp.where(keep[..., None], tokens, self.null_tokens.astype(tokens.dtype))
        mask = jnp.where(keep, mask, jnp.arange(mask.shape[1]) == 0)
        keys_values = {
            place: attention.keys_values(tokens)
            for place, attention in self.score_attention.items()
        }
        return UNetContext(score, performance, keys_values, mask, prior)

    def _encode_roll(self, conditions: Conditions) -> Float[Array, "B T W"]:
        roll = conditions.roll
        if roll is None:
            raise ValueError("the U-Net reads a piano roll, but the conditions hold none")
        if roll.shape[-1] != self.config.roll_channels:
            raise ValueError(
                f"piano roll has {roll.shape[-1]} channels; the network was built for "
                f"{self.config.roll_channels}"
            )
        # Thousands of channels, nearly all zero, are reduced before anything looks along time.
        score = self.roll_conv(nn.silu(self.roll_in(roll)))
        keep = conditions.keep_score[:, None, None]
        return jnp.where(keep, score, self.null_score.astype(score.dtype))

    def decode(
        self,
        x_t: Float[Array, "B T M"],
        time: Float[Array, " B"],
        context: UNetContext,
        deterministic: bool = True,
    ) -> Float[Array, "B T M"]:
        """The prediction for frames ``x_t`` at diffusion time in [0, 1], float32.

        Any number of frames will do that makes at least one of the coarsest level.

        Raises:
          ValueError: there are fewer.
        """
        c, frames = self.config, x_t.shape[1]
        # Fewer do not make one whole frame of the coarsest level.
        if frames < c.stride:
            raise ValueError(
                f"frames={frames}; the U-Net's {len(c.widths)} levels need at least {c.stride}"
            )
        condition = jnp.concatenate([context.performance, self.time(time)], axis=-1)
        # Joined at the first level only: frames and score have the same rate there and nowhere
        # else.
        h = jnp.concatenate([x_t.astype(c.activations), context.score], axis=-1)
        # The levels halve the frames, so they work on a multiple of the stride.
        padded = frames + -frames % c.stride
        h = self.frames_in(jnp.pad(h, ((0, 0), (0, padded - frames), (0, 0))))
        # A frame of a coarser level counts if any frame beneath it does, else the last frames would
        # be cut.
        masks = [frame_mask(frames, padded, 2**i) for i in range(len(c.widths))]
        ddpm = c.layout == "ddpm"

        # Handed on in the order in which it is made and taken back from the end, so that each level
        # meets its own.
        skips = [h] if ddpm else []
        for i, blocks in enumerate(self.down_blocks):
            for j, block in enumerate(blocks):
                h = block(h, condition, masks[i], deterministic)
                h = self._attend(f"down_{i}_{j}", h, context, masks[i], deterministic)
                skips.append(h)
            h = self._attend(f"down_{i}", h, context, masks[i], deterministic)
            if i < len(self.downsample):
                h = self.downsample[i](silenced(h, masks[i]))
                skips += [h] if ddpm else []
        for j, block in enumerate(self.middle_blocks):
            h = block(h, condition, masks[-1], deterministic)
            if j == 0:
                h = self._attend("middle", h, context, masks[-1], deterministic)
        for i in reversed(range(len(self.up_blocks))):
            if i < len(self.upsample):
                # Repeated and then convolved, as Ho et al. do; a transposed convolution leaves a
                # pattern of its stride.
                h = self.upsample[i](silenced(jnp.repeat(h, 2, axis=1), masks[i]))
            for j, block in enumerate(self.up_blocks[i]):
                h = jnp.concatenate([h, skips.pop()], axis=-1)
                h = block(h, condition, masks[i], deterministic)
                h = self._attend(f"up_{i}_{j}", h, context, masks[i], deterministic)
            h = self._attend(f"up_{i}", h, context, masks[i], deterministic)
        # The last convolution is float32 whatever the blocks are in, for eps and v are subtracted
        # from noisy frames next.
        h = nn.silu(normed(self.norm_out, h, masks[0])).astype(jnp.float32)
        return self.frames_out(silenced(h, masks[0]))[:, :frames]

    def _attend(
        self,
        place: str,
        h: Float[Array, "B T D"],
        context: UNetContext,
        mask: FrameMask,
        deterministic: bool,
    ) -> Float[Array, "B T D"]:
        """The attention of a place; places without are passed."""
        if place not in self.attention:
            return h
        h = self.attention[place](h, mask)
        if place in self.score_attention:
            assert context.token_mask is not None  # `encode` gives it where tokens are read
            attention, keys_values = self.score_attention[place], context.keys_values[place]
            h = attention(h, keys_values, context.token_mask, mask, deterministic)
        return h

    def __call__(
        self,
        x_t: Float[Array, "B T M"],
        time: Float[Array, " B"],
        conditions: Conditions,
        deterministic: bool = True,
    ) -> Float[Array, "B T M"]:
        """``decode`` of ``encode``; what training calls."""
        return self.decode(x_t, time, self.encode(conditions, deterministic), deterministic)


def frame_mask(frames: int, padded: int, stride: int) -> FrameMask:
    """Which frames of a level hold any of the first ``frames``; None where all do.

    Args:
      frames: of the finest level.
      padded: their number when filled up.
      stride: frames of the finest level that make one of this.
    """
    # No mask where none is needed, as for segments of the default length: norms take longer with
    # one.
    if frames == padded:
        return None
    # By NumPy, as lengths are known while it is traced; the mask is a constant of the program.
    return jnp.asarray(np.arange(padded // stride) * stride < frames)
