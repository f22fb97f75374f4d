"""Score encoders: what is to be played, as vectors for a decoder to attend to.

Both encoders take ``(conditions, performance condition or None, deterministic)`` and return the
encoded score ``[B, N, D]`` with the mask ``[B, N]`` of its real entries; neither sees the noise
level. A roll may be added to the decoder's frames besides.
"""

from __future__ import annotations

import jax.numpy as jnp
from flax import linen as nn

from mt3synth.models.axes import partitioned
from mt3synth.models.conditions import Conditions
from mt3synth.models.layers import (
    MLP,
    Attention,
    convolution,
    dropout,
    film,
    linear,
    rms_norm,
)
from mt3synth.models.position_table import Positions
from mt3synth.models.positions import sinusoid
from mt3synth.models.remat import RematPolicy, rematerialised
from mt3synth.models.t5_config import T5Config
from mt3synth.types import Array, Bool, Float

EncodedScore = tuple[Float[Array, "B N D"], Bool[Array, "B N"]]

ROLL_KERNEL = 7
"""Frames under the convolution through which a piano roll enters (Maman et al. 2023)."""


def roll_projection(config: T5Config, name: str | None = None) -> nn.Conv:
    """The convolution through which a piano roll enters, or what is read of a list of notes."""
    axes = ("roll", "embed")
    return convolution(config.width, ROLL_KERNEL, axes, config.activations, name)


class EncoderLayer(nn.Module):
    """Self-attention, then a feed-forward block; FiLM after both norms where there is C."""

    config: T5Config

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "B N D"],
        mask: Bool[Array, "B N"],
        condition: Float[Array, "B C"] | None,
        deterministic: bool,
    ) -> Float[Array, "B N D"]:
        config = self.config
        # Norms stand before the blocks and the sum goes by them, as T5 1.1 has it.
        y = rms_norm(config.activations, "pre_attention_layer_norm")(x)
        if condition is not None:
            # Behind the norm, which would take the scale away again.
            y = film("attention_film")(y, condition)
        attention = Attention(config, name="attention")
        y = attention(y, attention.keys_values(y), mask, deterministic)
        x = x + dropout(config.dropout)(y, deterministic)
        y = rms_norm(config.activations, "pre_mlp_layer_norm")(x)
        if condition is not None:
            y = film("mlp_film")(y, condition)
        y = MLP(config, name="mlp")(y, deterministic)
        return x + dropout(config.dropout)(y, deterministic)


class EncoderStack(nn.Module):
    """Encoder layers and the norm after the last."""

    config: T5Config
    remat: RematPolicy = "none"

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "B N D"],
        mask: Bool[Array, "B N"],
        condition: Float[Array, "B C"] | None,
        deterministic: bool,
    ) -> Float[Array, "B N D"]:
        config = self.config
        # Embeddings and positions are added in float32; the narrow type, if any, begins with the
        # layers.
        x = dropout(config.dropout)(x, deterministic).astype(config.activations)
        # By layer: between two of them only the sum of width D is kept.
        layer = rematerialised(EncoderLayer, self.remat, static_argnums=(4,))
        for i in range(config.encoder_layers):
            x = layer(config, name=f"layers_{i}")(x, mask, condition, deterministic)
        # The sum of all layers has no scale of its own; whoever attends to it is given one.
        x = rms_norm(config.activations, "encoder_norm")(x)
        return dropout(config.dropout)(x, deterministic)


class TokenEncoder(nn.Module):
    """Note-event tokens, at their index or at the time of their event.

    Tokens of one moment share their event time, yet a program or velocity token governs those
    that follow it. So with "event_time" the sinusoid of the index is still added, through a
    learned projection that keeps the two scales apart.

    Raises:
      ValueError: no tokens, more than ``max_tokens``, or no times where they are wanted.
    """

    config: T5Config
    remat: RematPolicy = "none"

    @nn.compact
    def __call__(
        self, conditions: Conditions, condition: Float[Array, "B C"] | None, deterministic: bool
    ) -> EncodedScore:
        config, tokens = self.config, conditions.tokens
        if tokens is None:
            raise ValueError("score_encoder='tokens' needs tokens, and the conditions have none")
        count = tokens.shape[1]
        # Computed positions would take any number, but no training has shown the network more.
        if not 1 <= count <= config.max_tokens:
            raise ValueError(f"{count} tokens in a segment; must be 1..{config.max_tokens}")
        x = nn.Embed(
            config.vocabulary_size,
            config.width,
            embedding_init=partitioned(nn.initializers.normal(1.0), "vocab", "lookup"),
            name="token_embedder",
        )(tokens)
        rows = config.max_tokens
        positions = Positions(config.position_table, rows, config.width, name="positions")
        order = positions(jnp.arange(count))
        if config.token_positions == "index":
            x = x + order
        else:
            if conditions.token_times is None:
                raise ValueError("token_positions='event_time' needs token_times; there are none")
            project = linear(config.width, ("position", "embed"), jnp.float32, name="order")
            x = x + sinusoid(conditions.token_times, config.width) + project(order)
        # Zero pads, and no event has that number.
        mask = tokens > 0
        stack = EncoderStack(config, self.remat, name="stack")
        return stack(x, mask, condition, deterministic), mask


class RollEncoder(nn.Module):
    """A piano roll at the frame rate, through a convolution over neighbouring frames.

    Raises:
      ValueError: the conditions have no roll, or one longer than the stored positions.
    """

    config: T5Config
    remat: RematPolicy = "none"

    @nn.compact
    def __call__(
        self, conditions: Conditions, condition: Float[Array, "B C"] | None, deterministic: bool
    ) -> EncodedScore:
        config, roll = self.config, conditions.roll
        if roll is None:
            raise ValueError("score_encoder='roll' needs a roll, and the conditions have none")
        # Said here by a sentence, for a look-up beyond the table would give its last row and no
        # error.
        config.check_frames(roll.shape[1])
        x = roll_projection(config, "roll_projection")(roll)
        rows = config.max_frames
        positions = Positions(config.position_table, rows, config.width, name="positions")
        x = x + positions(jnp.arange(roll.shape[1]))
        # A roll has no padding: silence in it is music, too.
        mask = jnp.ones(roll.shape[:2], bool)
        stack = EncoderStack(config, self.remat, name="stack")
        return stack(x, mask, condition, deterministic), mask


def score_encoder(config: T5Config, remat: RematPolicy = "none") -> TokenEncoder | RollEncoder:
    """The encoder that ``config.score_encoder`` names."""
    encoder = TokenEncoder if config.score_encoder == "tokens" else RollEncoder
    return encoder(config, remat)


class FrameRoll(nn.Module):
    """A piano roll to be added to the decoder's frames, each to its own: ``[B, T, D]``.

    Where the score is withheld it is one vector for all frames, learned, or zero with
    ``null_score="masked"``.

    Raises:
      ValueError: the conditions have no roll.
    """

    config: T5Config

    @nn.compact
    def __call__(self, conditions: Conditions) -> Float[Array, "B T D"]:
        config, roll = self.config, conditions.roll
        if roll is None:
            raise ValueError("frame_roll=True needs a roll, and the conditions have none")
        x = roll_projection(config, "projection")(roll)
        # Zero adds nothing to the frame, which is what a masked score does in attention.
        null = jnp.zeros(config.width)
        if config.null_score == "learned":
            null_init = partitioned(nn.initializers.normal(0.02), "embed")
            null = self.param("null", null_init, (config.width,))
        return jnp.where(conditions.keep_score[:, None, None], x, null.astype(x.dtype))
