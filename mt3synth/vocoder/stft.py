"""Short-time Fourier transform and its least-squares inverse, in JAX.

Frames are cut and overlapped by shifting whole blocks of ``hop`` samples, which XLA turns into
plain copies where indexing would become gathers and scatters.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex

from mt3synth.audio.mel import hann_window
from mt3synth.types import Array, Float


@dataclass(frozen=True)
class Stft:
    """Geometry of a transform: frame ``i`` starts at sample ``i * hop``; periodic Hann window.

    Attributes:
      hop: samples from frame to frame.
      window: samples of the window, at most ``fft``.
      fft: samples of the transform; frames are zero-padded to it, so F = fft / 2 + 1.
    """

    hop: int
    window: int
    fft: int

    @property
    def blocks(self) -> int:
        """Blocks of ``hop`` samples that a frame spans, the last perhaps in part."""
        return -(-self.window // self.hop)

    def samples(self, frames: int) -> int:
        """Length of the audio that ``frames`` frames span, in whole blocks."""
        return (frames + self.blocks - 1) * self.hop

    def forward(self, audio: Float[Array, " S"]) -> Complex[Array, "T F"]:
        """Complex spectrum of audio whose length is `samples` of T."""
        blocks = audio.reshape(-1, self.hop)
        count = blocks.shape[0] - self.blocks + 1
        shifted = [blocks[j : j + count] for j in range(self.blocks)]
        frames = jnp.concatenate(shifted, axis=1)[:, : self.window]
        return jnp.fft.rfft(frames * hann_window(self.window), self.fft)

    def inverse(self, spectrum: Complex[Array, "T F"]) -> Float[Array, " S"]:
        """Audio whose `forward` is closest to ``spectrum`` (Griffin and Lim 1984, eq. 6).

        Samples that hardly any window covers, at the two ends, are faded rather than divided by
        almost nothing.
        """
        window = hann_window(self.window)
        frames = jnp.fft.irfft(spectrum, self.fft)[:, : self.window] * window
        weight = self._overlap_add(jnp.broadcast_to(window**2, frames.shape))
        full = np.sum(window**2) / self.hop
        return self._overlap_add(frames) / jnp.maximum(weight, 0.1 * full)

    def _overlap_add(self, frames: Float[Array, "T W"]) -> Float[Array, " S"]:
        count, total = frames.shape[0], self.blocks
        frames = jnp.pad(frames, ((0, 0), (0, total * self.hop - self.window)))
        blocks = frames.reshape(count, total, self.hop)
        audio = jnp.zeros((count + total - 1, self.hop), frames.dtype)
        for j in range(total):
            audio = audio + jnp.pad(blocks[:, j], ((j, total - 1 - j), (0, 0)))
        return audio.reshape(-1)


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
