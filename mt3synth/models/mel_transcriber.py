"""Hears notes in mel frames: a small network that says which keys begin and which sound.

It reads the very frames that a denoiser makes, so it can judge them without a vocoder, and be
differentiated. It is no match for a real transcriber, and no judge of a report: whatever learns by
it learns to please it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from mt3synth.errors import check_least
from mt3synth.models.mel_layers import convolution, dense, norm
from mt3synth.models.note_envelopes import NoteRows
from mt3synth.types import Array, Float

LOWEST, KEYS = 21, 88
"""The keys of a piano, of which notes are heard."""

REACH = 1.0
"""Frames on either side of an onset that count as its own: one frame alone would be missed by as
little as a window's edge."""


@dataclass(frozen=True)
class MelTranscriberConfig:
    """Shape of the network.

    Attributes:
      mel_bins: M, of the frames.
      width: channels of its layers.
      layers: residual convolutions, each of them reaching twice as far as the one before.
      kernel: frames under a convolution; odd.

    Raises:
      ValueError: a count below 1, or an even kernel.
    """

    mel_bins: int = 128
    width: int = 160
    layers: int = 4
    kernel: int = 5

    def __post_init__(self) -> None:
        check_least(self, mel_bins=1, width=1, layers=1, kernel=1)
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel={self.kernel} frames; must be odd")


class Heard(NamedTuple):
    """Logits for each frame and key, or what they should be, 0 or 1.

    Attributes:
      onsets: whether a note begins.
      frames: whether one sounds.
    """

    onsets: Float[Array, "B T 88"]
    frames: Float[Array, "B T 88"]


class MelTranscriber(nn.Module):
    """Hears onsets and sounding notes.

    Attributes:
      config: shape.
    """

    config: MelTranscriberConfig

    @nn.compact
    def __call__(self, mel: Float[Array, "B T M"]) -> Heard:
        """Logits for frames in a network's range, -1 to 1; of any number of frames."""
        c = self.config
        h = convolution(c.width, c.kernel, "frames_in")(mel)
        for i in range(c.layers):
            inner = nn.silu(norm(f"norm_{i}")(h))
            h += convolution(c.width, c.kernel, f"conv_{i}", dilation=2**i)(inner)
        h = nn.silu(norm("norm_out")(h))
        # A note is rare among keys and frames, so that logits begin where nothing is heard.
        out = dense(2 * KEYS, "keys_out", bias=-4.0)(h)
        return Heard(out[..., :KEYS], out[..., KEYS:])


def should_hear(notes: Float[Array, "B N C"], frames: int, window_hops: float, drums: int) -> Heard:
    """What is to be heard of notes: 1 where one begins or sounds, 0 elsewhere.

    Args:
      notes: rows of `mt3synth.symbolic.note_list`, times in frames.
      frames: T.
      window_hops: length of a frame's window in hops; a frame is where its window's middle is.
      drums: the instrument whose notes have no pitch.
    """
    rows = NoteRows.of(notes)
    centre = jnp.arange(frames) + window_hops / 2
    since, until = centre - rows.onset[..., None], rows.offset[..., None] - centre
    key = rows.key - LOWEST
    there = (rows.instrument >= 0) & (rows.instrument != drums) & (key >= 0) & (key < KEYS)
    place = there[..., None] & (key[..., None] == jnp.arange(KEYS))

    def spread(marks: Array) -> Float[Array, "B T 88"]:
        # Of several notes on a key, of two instruments say, one is heard.
        found = jnp.einsum("bnt,bnk->btk", marks.astype(jnp.float32), place.astype(jnp.float32))
        return jnp.minimum(found, 1.0)

    return Heard(spread(jnp.abs(since) <= REACH), spread((since >= 0) & (until > 0)))
