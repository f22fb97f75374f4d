"""The T5's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import jax.numpy as jnp

from mt3synth.models.note_encoder import NotePriorConfig

ScoreEncoderName = Literal["tokens", "roll"]
TokenPositions = Literal["index", "event_time"]
ActivationType = Literal["float32", "bfloat16"]
ContextAttention = Literal["concat", "sum"]
PositionTable = Literal["sinusoid", "stored"]
NullScore = Literal["learned", "masked"]


@dataclass(frozen=True)
class T5Config:
    """Shape and options of a `T5`.

    Attributes:
      encoder_layers: layers of each encoder; at least 1.
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
      mel_kernel: frames under the convolution through which noisy frames enter; odd. 1 takes each
        by itself (Hawthorne et al. 2022), 7 is that of Maman et al. 2023.
      frame_roll: the hybrid: the piano roll is also added to the decoder's frames, each to its
        own, beside the encoded score that they attend to.
      context_frames: mel frames before the segment that a second encoder reads, at most; 0 leaves
        it out. Hawthorne et al. 2022 read as many as a segment has.
      context_attention: "concat" attends to score and context as one sequence (as published),
        "sum" to each by a cross-attention of its own, whose results are added. Without context it
        must stay as it is.
      position_table: "sinusoid" computes positions, for any length; "stored" keeps them among the
        parameters, as the published checkpoints with context do, for lengths up to
        ``max_tokens``, ``context_frames`` and ``max_frames``.
      max_frames: most frames T of a segment, at least 1 where positions are stored. 0 where they
        are computed, for then there is no bound.
      null_score: what stands for a withheld score. "learned": one learned vector to attend to.
        "masked": nothing, so that attention to the score adds zero (Hawthorne et al. 2022).
      prior: shape of a note encoder. With it the network reads a list of notes beside the encoded
        score, adds their sketch to the decoder's frames and denoises what the sketch leaves open.

    Raises:
      ValueError: a value out of its range, an unknown option, or one that means nothing beside
        the others.
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
    mel_kernel: int = 1
    frame_roll: bool = False
    context_frames: int = 0
    context_attention: ContextAttention = "concat"
    position_table: PositionTable = "sinusoid"
    max_frames: int = 0
    null_score: NullScore = "learned"
    prior: NotePriorConfig | None = None

    def __post_init__(self) -> None:
        for name, low in _LOWER_BOUNDS.items():
            if getattr(self, name) < low:
                raise ValueError(f"{name}={getattr(self, name)}; must be at least {low}")
        # Sinusoids come in pairs of sine and cosine.
        if self.width % 2:
            raise ValueError(f"width={self.width} channels; must be even")
        # An even kernel has no middle, and would shift the frames by half of one.
        if self.mel_kernel % 2 == 0:
            raise ValueError(f"mel_kernel={self.mel_kernel} frames; must be odd")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout}; must be in [0, 1)")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name}={getattr(self, name)!r}; must be one of {choices}")
        # Refused and not ignored, as whoever writes it expects another network than this would be.
        if self.context_attention != "concat" and not self.context_frames:
            raise ValueError(
                f"context_attention={self.context_attention!r} with context_frames=0; "
                "without context there is nothing to attend to"
            )
        # Spectra of notes are those of a performance; the condition that they are made of would be
        # missing.
        if self.prior is not None and not self.performances:
            raise ValueError(
                "prior with performances=0; the note encoder needs a performance to sketch"
            )
        self._check_positions()

    def _check_positions(self) -> None:
        if self.position_table == "sinusoid":
            if self.max_frames:
                raise ValueError(
                    f"max_frames={self.max_frames} with position_table='sinusoid'; "
                    "must be 0, for computed positions have no bound"
                )
            return
        if not self.max_frames:
            raise ValueError(
                "max_frames=0 with position_table='stored'; must be at least 1, the frames of a "
                "segment"
            )
        if self.token_positions == "event_time":
            raise ValueError(
                "token_positions='event_time' with position_table='stored'; "
                "a table has no row for the time between two frames"
            )

    def check_frames(self, frames: int) -> None:
        """Refuses a segment for whose frames there are no positions.

        Raises:
          ValueError: more than ``max_frames``, where there is such a bound.
        """
        if self.max_frames and frames > self.max_frames:
            raise ValueError(
                f"{frames} frames in a segment; the network stores {self.max_frames} positions"
            )

    @property
    def inputs(self) -> tuple[str, ...]:
        """Those of ("tokens", "roll", "notes", "context") that the network reads, in this order."""
        read = {
            "tokens": self.score_encoder == "tokens",
            "roll": self.score_encoder == "roll" or self.frame_roll,
            "notes": self.prior is not None,
            "context": self.context_frames > 0,
        }
        return tuple(name for name, wanted in read.items() if wanted)

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
    "mel_kernel": 1,
    "context_frames": 0,
    "max_frames": 0,
}
_CHOICES = {
    "score_encoder": get_args(ScoreEncoderName),
    "token_positions": get_args(TokenPositions),
    "dtype": get_args(ActivationType),
    "context_attention": get_args(ContextAttention),
    "position_table": get_args(PositionTable),
    "null_score": get_args(NullScore),
}
