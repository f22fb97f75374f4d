"""The T5's decoder: noisy mel frames, attending to each other and to what has been encoded."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from flax import linen as nn

from mt3synth.models.film import TimeCondition
from mt3synth.models.layers import (
    MLP,
    Attention,
    KeysValues,
    convolution,
    dropout,
    film,
    linear,
    rms_norm,
)
from mt3synth.models.note_prior import FramePrior
from mt3synth.models.position_table import Positions
from mt3synth.models.remat import RematPolicy, rematerialised
from mt3synth.models.t5_config import T5Config
from mt3synth.types import Array, Bool, Float


class T5Context(NamedTuple):
    """All that a `T5` computes once for a segment, whatever the noise and its level.

    Attributes:
      keys_values: for each decoder layer, and in it for each sequence that it attends to, the keys
        and values of its cross-attention, each ``[B, H, N, K]``. There is one sequence, the score
        with the context behind it; or there are two, with ``context_attention="sum"``.
      masks: for each sequence, True where there is something to attend to, ``[B, N]``.
      performance: ``MLP_perf(v)``, ``[B, 4 * D]``; None without performance conditioning.
      frame_score: what the piano roll or the list of notes adds to each frame, ``[B, T, D]``;
        None where neither is read frame by frame.
      prior: mean and deviation of the frames; None without a note encoder.
    """

    keys_values: tuple[tuple[KeysValues, ...], ...]
    masks: tuple[Bool[Array, "B N"], ...]
    performance: Float[Array, "B C"] | None
    frame_score: Float[Array, "B T D"] | None
    prior: FramePrior | None = None


class DecoderLayer(nn.Module):
    """Self-attention, cross-attention, feed-forward; FiLM before the first and the last."""

    config: T5Config

    def setup(self) -> None:
        config = self.config
        self.pre_self_attention_layer_norm = rms_norm(config.activations)
        self.self_attention_film = film()
        self.self_attention = Attention(config)
        self.pre_cross_attention_layer_norm = rms_norm(config.activations)
        self.cross_attention = Attention(config)
        # A second attention has weights of its own, which "concat" must not have for published ones
        # to fit.
        if config.context_attention == "sum":
            self.context_cross_attention = Attention(config)
        self.pre_mlp_layer_norm = rms_norm(config.activations)
        # None before the cross-attention, as published.
        self.mlp_film = film()
        self.mlp = MLP(config)
        self.drop = dropout(config.dropout)

    def keys_values(self, encoded: tuple[Float[Array, "B _ D"], ...]) -> tuple[KeysValues, ...]:
        """What this layer's cross-attention reads of each encoded sequence."""
        attentions = self._cross_attentions()
        return tuple(attention.keys_values(x) for attention, x in zip(attentions, encoded))

    def __call__(
        self,
        x: Float[Array, "B T D"],
        keys_values: tuple[KeysValues, ...],
        masks: tuple[Bool[Array, "B _"], ...],
        condition: Float[Array, "B C"],
        deterministic: bool,
    ) -> Float[Array, "B T D"]:
        y = self.self_attention_film(self.pre_self_attention_layer_norm(x), condition)
        # No mask, and none that hides what comes later: all frames of a segment are denoised at
        # once.
        y = self.self_attention(y, self.self_attention.keys_values(y), None, deterministic)
        x = x + self.drop(y, deterministic)
        # One norm before the loop: what two cross-attentions add must not depend on their order.
        query = self.pre_cross_attention_layer_norm(x)
        for attention, given, mask in zip(
            self._cross_attentions(), keys_values, masks, strict=True
        ):
            y = attention(query, given, mask, deterministic)
            x = x + self.drop(y, deterministic)
        y = self.mlp_film(self.pre_mlp_layer_norm(x), condition)
        return x + self.drop(self.mlp(y, deterministic), deterministic)

    def _cross_attentions(self) -> tuple[Attention, ...]:
        if self.config.context_attention == "sum":
            return self.cross_attention, self.context_cross_attention
        return (self.cross_attention,)


class Decoder(nn.Module):
    """Noisy frames in, prediction out."""

    config: T5Config
    remat: RematPolicy = "none"

    def setup(self) -> None:
        config = self.config
        dtype = config.activations
        self.time = TimeCondition(config.width)
        inward = ("mel", "embed")
        # A dense layer and not a convolution over one frame: their kernels differ in shape, and
        # published ones have two axes.
        self.continuous_inputs_projection = (
            linear(config.width, inward, dtype)
            if config.mel_kernel == 1
            else convolution(config.width, config.mel_kernel, inward, dtype)
        )
        self.positions = Positions(config.position_table, config.max_frames, config.width)
        layer = rematerialised(DecoderLayer, self.remat, static_argnums=(5,))
        self.layers = [layer(config) for _ in range(config.decoder_layers)]
        self.decoder_norm = rms_norm(dtype)
        # In float32 whatever the layers are in: eps and v are subtracted from noisy frames next.
        self.spec_out_dense = linear(config.mel_bins, ("embed", "mel"), jnp.float32)
        self.drop = dropout(config.dropout)

    def keys_values(
        self, encoded: tuple[Float[Array, "B _ D"], ...]
    ) -> tuple[tuple[KeysValues, ...], ...]:
        """What each layer's cross-attention reads of each encoded sequence."""
        return tuple(layer.keys_values(encoded) for layer in self.layers)

    def __call__(
        self,
        x_t: Float[Array, "B T M"],
        time: Float[Array, " B"],
        context: T5Context,
        deterministic: bool,
    ) -> Float[Array, "B T M"]:
        condition = self.time(time)
        if context.performance is not None:
            # The performance first, as in the paper's C; the order is part of the weights.
            condition = jnp.concatenate([context.performance, condition], axis=-1)
        x = self.continuous_inputs_projection(x_t) + self.positions(jnp.arange(x_t.shape[1]))
        if context.frame_score is not None:
            x = x + context.frame_score
        x = self.drop(x, deterministic).astype(self.config.activations)
        for layer, keys_values in zip(self.layers, context.keys_values, strict=True):
            x = layer(x, keys_values, context.masks, condition, deterministic)
        x = self.drop(self.decoder_norm(x), deterministic)
        return self.spec_out_dense(x)
