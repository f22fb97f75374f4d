"""The T5's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import jax.numpy as jnp

ScoreEncoderName = Literal["tokens", "roll"]
TokenPositions = Literal["index", "event_time"]
ActivationType = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class T5Config:
    """Shape and options of a `T5`.

    Attributes:
      encoder_layers: layers of the score encoder; at least 1.
      decoder_layers: layers of the denoising decoder; at least 1.
      width: channels D between layers; even, at least 4.
      heads: attention heads H; at least 1. ``heads * head_width`` need not equal ``width``.
      head_width: channels K of a head; at least 1.
      mlp_width: hidden channels of a feed-forward block; at least 1.
      mel_bins: bins M of a frame; at least 1.
      dropout: probability of a dropped activation, in [0, 1).
      score_encoder: "tokens" reads note-event tokens (Hawthorne et al. 2022), "roll" a piano roll
        (Maman et al. 2023).
      vocabulary_size: entries of the token embedding; at least 1. Unused by "roll".
      max_tokens: longest token sequence N taken; at least 1. Unused by "roll".
      token_positions: "index" places a token at its place in the sequence (as published),
        "event_time" at the frame of its event, on the decoder's own position scale.
      performances: how many performances P there are; 0 leaves performance conditioning out,
        which is the network of Hawthorne et al. 2022.
      dtype: type of the activations. Parameters, softmax, statistics of the norms, conditions and
        the prediction are float32.

    Raises:
      ValueError: a value out of its range, or an unknown option.
    """

    encoder_layers: int
    decoder_layers: int
    width: int
    heads: int
    head_width: int
    mlp_width: int
    mel_bins: int
    dropout: float = 0.1
    score_encoder: ScoreEncoderName = "tokens"
    vocabulary_size: int = 1536
    max_tokens: int = 2048
    token_positions: TokenPositions = "index"
    performances: int = 0
    dtype: ActivationType = "float32"

    def __post_init__(self) -> None:
        for name, low in _LOWER_BOUNDS.items():
            if getattr(self, name) < low:
                raise ValueError(f"{name}={getattr(self, name)}; must be at least {low}")
        if self.width % 2:
            raise ValueError(f"width={self.width} channels; must be even")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout}; must be in [0, 1)")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name}={getattr(self, name)!r}; must be one of {choices}")

    @property
    def activations(self) -> jnp.dtype:
        """``dtype`` as JAX takes it."""
        return jnp.dtype(self.dtype)


_LOWER_BOUNDS = {
    "encoder_layers": 1,
    "decoder_layers": 1,
    "width": 4,
    "heads": 1,
    "head_width": 1,
    "mlp_width": 1,
    "mel_bins": 1,
    "vocabulary_size": 1,
    "max_tokens": 1,
    "performances": 0,
}
_CHOICES = {
    "score_encoder": get_args(ScoreEncoderName),
    "token_positions": get_args(TokenPositions),
    "dtype": get_args(ActivationType),
}
