"""The T5's decoder: noisy mel frames, attending to each other and to the encoded score."""

from __future__ import annotations

import jax.numpy as jnp
from flax import linen as nn

from mt3synth.models.film import TimeCondition
from mt3synth.models.layers import MLP, Attention, KeysValues, dropout, film, linear, rms_norm
from mt3synth.models.positions import sinusoid
from mt3synth.models.remat import RematPolicy, rematerialised
from mt3synth.models.t5_config import T5Config
from mt3synth.types import Array, Bool, Float


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
        self.pre_mlp_layer_norm = rms_norm(config.activations)
        self.mlp_film = film()
        self.mlp = MLP(config)
        self.drop = dropout(config.dropout)

    def keys_values(self, encoded: Float[Array, "B N D"]) -> KeysValues:
        """What this layer's cross-attention reads of the encoded score."""
        return self.cross_attention.keys_values(encoded)

    def __call__(
        self,
        x: Float[Array, "B T D"],
        keys_values: KeysValues,
        mask: Bool[Array, "B N"],
        condition: Float[Array, "B C"],
        deterministic: bool,
    ) -> Float[Array, "B T D"]:
        y = self.self_attention_film(self.pre_self_attention_layer_norm(x), condition)
        y = self.self_attention(y, self.self_attention.keys_values(y), None, deterministic)
        x = x + self.drop(y, deterministic)
        y = self.pre_cross_attention_layer_norm(x)
        y = self.cross_attention(y, keys_values, mask, deterministic)
        x = x + self.drop(y, deterministic)
        y = self.mlp_film(self.pre_mlp_layer_norm(x), condition)
        return x + self.drop(self.mlp(y, deterministic), deterministic)


class Decoder(nn.Module):
    """Noisy frames in, prediction out, for any number of frames."""

    config: T5Config
    remat: RematPolicy = "none"

    def setup(self) -> None:
        config = self.config
        dtype = config.activations
        self.time = TimeCondition(config.width)
        self.continuous_inputs_projection = linear(config.width, ("mel", "embed"), dtype)
        layer = rematerialised(DecoderLayer, self.remat, static_argnums=(5,))
        self.layers = [layer(config) for _ in range(config.decoder_layers)]
        self.decoder_norm = rms_norm(dtype)
        self.spec_out_dense = linear(config.mel_bins, ("embed", "mel"), jnp.float32)
        self.drop = dropout(config.dropout)

    def keys_values(self, encoded: Float[Array, "B N D"]) -> tuple[KeysValues, ...]:
        """What each layer's cross-attention reads of the encoded score."""
        return tuple(layer.keys_values(encoded) for layer in self.layers)

    def __call__(
        self,
        x_t: Float[Array, "B T M"],
        time: Float[Array, " B"],
        keys_values: tuple[KeysValues, ...],
        mask: Bool[Array, "B N"],
        performance: Float[Array, "B C"] | None,
        deterministic: bool,
    ) -> Float[Array, "B T M"]:
        condition = self.time(time)
        if performance is not None:
            condition = jnp.concatenate([performance, condition], axis=-1)
        positions = jnp.arange(x_t.shape[1], dtype=jnp.float32)
        x = self.continuous_inputs_projection(x_t) + sinusoid(positions, self.config.width)
        x = self.drop(x, deterministic).astype(self.config.activations)
        for layer, layer_keys_values in zip(self.layers, keys_values, strict=True):
            x = layer(x, layer_keys_values, mask, condition, deterministic)
        x = self.drop(self.decoder_norm(x), deterministic)
        return self.spec_out_dense(x)
