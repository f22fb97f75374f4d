"""Spectra to audio by overlapping windowed frames, block by block or all at once."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from mt3synth.audio.mel import hann_window
from mt3synth.types import Array, Float


def centred_frames(
    magnitude: Float[Array, "B T F"], unit: Float[Array, "B T 2 F"], fft: int
) -> Float[Array, "B T W"]:
    """Windowed frames of ``fft`` samples whose phases, as cosine and sine, are those in the middle.

    The window is a periodic Hann window, as long as the transform.
    """
    # A shift by half the transform: every other bin changes its sign.
    signed = magnitude * np.where(np.arange(magnitude.shape[-1]) % 2, -1.0, 1.0).astype(np.float32)
    spectrum = jax.lax.complex(signed * unit[:, :, 0], signed * unit[:, :, 1])
    return jnp.fft.irfft(spectrum, fft) * hann_window(fft)


def overlap_add(
    frames: Float[Array, "B T W"], tail: Float[Array, "B W3"], hop: int
) -> tuple[Float[Array, "B S"], Float[Array, "B W3"]]:
    """Sums frames that begin a hop apart.

    Args:
      frames: W samples each, a multiple of ``hop``.
      tail: W - hop samples that the frames before reach beyond their last hop.
      hop: samples from frame to frame.

    Returns:
      The T * hop samples from the start of the first frame on, and the new tail.
    """
    batch, count, length = frames.shape
    parts = length // hop
    blocks = frames.reshape(batch, count, parts, hop)
    total = jnp.pad(tail.reshape(batch, parts - 1, hop), ((0, 0), (0, count), (0, 0)))
    for part in range(parts):
        total = total + jnp.pad(blocks[:, :, part], ((0, 0), (part, parts - 1 - part), (0, 0)))
    audio = total.reshape(batch, -1)
    return audio[:, : count * hop], audio[:, count * hop :]
