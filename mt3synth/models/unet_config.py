"""The U-Net's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import jax.numpy as jnp

from mt3synth.models.note_encoder import NotePriorConfig
from mt3synth.models.t5_config import ActivationType, T5Config, TokenPositions

Layout = Literal["light", "ddpm"]
Block = Literal["residual", "depthwise"]


@dataclass(frozen=True)
class UNetConfig:
    """Shape of the U-Net.

    Attributes:
      mel_bins: M, channels of the denoised frames.
      roll_channels: R, channels of the piano roll.
      performances: P, number of known performances.
      widths: channels of each level; the frame rate halves from level to level.
      blocks: residual blocks of a level on the way down, and again on the way up.
      attention_levels: levels with attention after their blocks, 0 being the finest.
      heads: attention heads.
      roll_width: channels to which the roll is reduced before it is joined to the noisy frames.
      condition_width: width of the embeddings from which the two FiLM conditions are made;
        even, at least 4.
      kernel: frames that a convolution of a block sees; odd.
      groups: groups of the group norm; divides every width.
      dropout: rate inside the blocks while training.
      dtype: of the activations. Parameters, softmax, statistics of the norms, conditions and the
        prediction are float32.
      middle: whether a residual block, attention and a residual block lie between the way down and
        the way up (Ho et al. 2020).
      layout: "light" attends once at a level and hands each block's output to one block on the way
        up. "ddpm" is laid out as the code that Ho et al. 2020 released: attention after every
        block; what enters the first level and what each downsampling writes is handed on too, so
        that a level has one more block on the way up; resampling keeps the channels.
      token_layers: layers of a token encoder, which every place with attention attends to as well;
        0 leaves it out. With it the network is a hybrid: it reads the roll frame by frame, and
        the note events by attention.
      token_width: channels of the token encoder; even, at least 4. Like all that follows it
        means nothing without ``token_layers``.
      token_heads: heads of the token encoder's attention.
      token_head_width: channels of such a head.
      token_mlp_width: hidden channels of its feed-forward blocks.
      vocabulary_size: entries of its token embedding; kept as 0 without ``token_layers``, for it
        follows from the data and must not tell networks apart that do not read it.
      max_tokens: longest token sequence N taken.
      token_positions: as in `T5Config`.
      prior: shape of a note encoder. With it the network reads a list of notes instead of the roll,
        and denoises what its sketch leaves open; ``roll_channels`` is then kept as 0.
      block: what levels are made of. "residual" convolves all channels with all, as Ho et al. do;
        "depthwise" each channel by itself, and mixes them frame by frame (Liu et al. 2022, arXiv
        2201.03545), which makes long kernels and levels of the full rate affordable.
      expansion: hidden channels of a depthwise block, in times its width.

    Raises:
      ValueError: a width that the groups or heads do not divide, an even kernel, no levels, an
        attention level that there is not, or a value out of its range.
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
    middle: bool = False
    layout: Layout = "light"
    token_layers: int = 0
    token_width: int = 192
    token_heads: int = 3
    token_head_width: int = 64
    token_mlp_width: int = 384
    vocabulary_size: int = 0
    max_tokens: int = 2048
    token_positions: TokenPositions = "index"
    prior: NotePriorConfig | None = None
    block: Block = "residual"
    expansion: int = 3

    def __post_init__(self) -> None:
        # Gin and JSON hand over lists, which a static argument of a compiled function must not
        # hold.
        object.__setattr__(self, "widths", tuple(self.widths))
        object.__setattr__(self, "attention_levels", tuple(self.attention_levels))
        if not self.token_layers:
            object.__setattr__(self, "vocabulary_size", 0)
        if self.prior is not None:
            object.__setattr__(self, "roll_channels", 0)
        for name, low in _LOWER_BOUNDS.items():
            if name == "roll_channels" and self.prior is not None:
                continue
            if getattr(self, name) < low:
                raise ValueError(f"{name}={getattr(self, name)}; must be at least {low}")
        # Group norm and attention both cut the channels into equal parts.
        if not self.widths or any(w % self.groups or w % self.heads for w in self.widths):
            raise ValueError(
                f"widths={self.widths}; each must be a multiple of groups={self.groups} and of "
                f"heads={self.heads}"
            )
        if not set(self.attention_levels) <= set(range(len(self.widths))):
            raise ValueError(
                f"attention_levels={self.attention_levels}; must be among the levels 0 to "
                f"{len(self.widths) - 1}"
            )
        if self.condition_width % 2:
            raise ValueError(f"condition_width={self.condition_width} channels; must be even")
        # An even kernel has no middle, and would shift the frames by half of one.
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel={self.kernel} frames; must be odd")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout}; must be in [0, 1)")
        if self.layout not in get_args(Layout):
            raise ValueError(f"layout={self.layout!r}; must be one of {get_args(Layout)}")
        if self.block not in get_args(Block):
            raise ValueError(f"block={self.block!r}; must be one of {get_args(Block)}")
        if self.token_layers:
            if not self.attention_levels and not self.middle:
                raise ValueError(
                    f"token_layers={self.token_layers} with attention_levels=() and no middle; "
                    "tokens are read where there is attention"
                )
            _ = self.tokens  # refuses what a token encoder cannot be

    @property
    def inputs(self) -> tuple[str, ...]:
        """Those of ("tokens", "roll", "notes", "context") that the network reads, in this order."""
        frames = "roll" if self.prior is None else "notes"
        return ("tokens", frames) if self.token_layers else (frames,)

    @property
    def context_frames(self) -> int:
        """Frames before the segment that the network reads: none."""
        return 0

    @property
    def activations(self) -> jnp.dtype:
        """``dtype`` as JAX takes it."""
        return jnp.dtype(self.dtype)

    @property
    def stride(self) -> int:
        """Frames of the finest level that make one of the coarsest."""
        return 2 ** (len(self.widths) - 1)

    @property
    def tokens(self) -> T5Config:
        """The token encoder's part of a T5.

        Raises:
          ValueError: the token encoder's settings are out of their range, or there is none.
        """
        return T5Config(
            encoder_layers=self.token_layers,
            decoder_layers=1,  # the decoder is the U-Net; a T5 has at least one layer
            width=self.token_width,
            heads=self.token_heads,
            head_width=self.token_head_width,
            mlp_width=self.token_mlp_width,
            mel_bins=self.mel_bins,
            dropout=self.dropout,
            vocabulary_size=self.vocabulary_size,
            max_tokens=self.max_tokens,
            token_positions=self.token_positions,
            performances=self.performances,
            dtype=self.dtype,
        )


_LOWER_BOUNDS = {
    "mel_bins": 1,
    "roll_channels": 1,
    "performances": 1,
    "blocks": 1,
    "heads": 1,
    "roll_width": 1,
    "condition_width": 4,
    "groups": 1,
    "token_layers": 0,
    "expansion": 1,
}
