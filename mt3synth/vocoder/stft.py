"""Transforms audio to short-time spectra and back, in JAX: frames are cut, and added up.

Frames are cut and overlapped by shifting whole blocks of ``hop`` samples, which XLA turns into
plain copies where indexing would become gathers and scatters.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex

from mt3synth.audio.mel import hann_window
from mt3synth.types import Array, Float

_BY_PRODUCTS = ContextVar("by_products", default=False)


@contextmanager
def by_products() -> Iterator[None]:
    """Transforms by products with matrices, for programs that know no complex numbers.

    What is traced within the block keeps it. Sums are in another order than those of an FFT, so the
    last digits differ.
    """
    token = _BY_PRODUCTS.set(True)
    try:
        yield
    finally:
        _BY_PRODUCTS.reset(token)


def to_spectrum(frames: Float[Array, "*B W"], fft: int) -> tuple[Array, Array]:
    """Transforms frames of at most ``fft`` samples.

    Returns:
      Real and imaginary parts, each ``[*B, F]`` with F = fft / 2 + 1.
    """
    if _BY_PRODUCTS.get():
        cosines, sines = _waves(fft)
        samples = frames.shape[-1]
        return frames @ cosines[:samples], frames @ -sines[:samples]
    spectrum = jnp.fft.rfft(frames, fft)
    return spectrum.real, spectrum.imag


def from_spectrum(
    real: Float[Array, "*B F"], imaginary: Float[Array, "*B F"], fft: int
) -> Float[Array, "*B W"]:
    """Makes the frames of ``fft`` samples that have such spectra."""
    if _BY_PRODUCTS.get():
        cosines, sines = _waves(fft)
        # All bins but the first and the last stand for two.
        share = np.where(np.arange(fft // 2 + 1) % (fft // 2), 2, 1).astype(np.float32) / fft
        return real @ (cosines * share).T - imaginary @ (sines * share).T
    return jnp.fft.irfft(jax.lax.complex(real, imaginary), fft)


def _waves(fft: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns cosines and sines of all bins, float32 ``[W, F]``."""
    turns = np.outer(np.arange(fft), np.arange(fft // 2 + 1)) % fft
    angles = 2 * np.pi / fft * turns
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def cut_frames(
    audio: Float[Array, "B S"], count: int, window: int, hop: int
) -> Float[Array, "B T W"]:
    """Cuts audio into ``count`` frames of ``window`` samples, each a hop after the one before.

    Frame ``i`` begins at sample ``i * hop``. Audio is taken as zero after its end.

    Args:
      audio: at most as long as the frames in whole hops, ``(T + ceil(W / hop) - 1) * hop``.
      count: of the frames, T.
      window: samples of each, W.
      hop: samples from frame to frame.
    """
    parts = -(-window // hop)
    length = (count + parts - 1) * hop
    padded = jnp.pad(audio, ((0, 0), (0, length - audio.shape[1])))
    blocks = padded.reshape(len(audio), count + parts - 1, hop)
    shifted = [blocks[:, part : part + count] for part in range(parts)]
    return jnp.concatenate(shifted, axis=2)[:, :, :window]


def overlap_add(
    frames: Float[Array, "B T W"], hop: int, tail: Float[Array, "B W3"] | None = None
) -> Float[Array, "B S"]:
    """Sums frames that begin a hop apart.

    Args:
      frames: W samples each.
      hop: samples from frame to frame.
      tail: what earlier frames reach beyond their last hop, ``(ceil(W / hop) - 1) * hop`` samples;
        none for silence. What this returns after its first T hops is the tail for later frames.

    Returns:
      The ``(T + ceil(W / hop) - 1) * hop`` samples from the start of the first frame on.
    """
    batch, count, window = frames.shape
    parts = -(-window // hop)
    blocks = jnp.pad(frames, ((0, 0), (0, 0), (0, parts * hop - window)))
    blocks = blocks.reshape(batch, count, parts, hop)
    if tail is None:
        tail = jnp.zeros((batch, (parts - 1) * hop), frames.dtype)
    total = jnp.pad(tail.reshape(batch, parts - 1, hop), ((0, 0), (0, count), (0, 0)))
    for part in range(parts):
        # One addition for each block of a frame, of all frames at once.
        total = total + jnp.pad(blocks[:, :, part], ((0, 0), (part, parts - 1 - part), (0, 0)))
    return total.reshape(batch, -1)


@dataclass(frozen=True)
class Stft:
    """A transform of one song whose frame ``i`` starts at sample ``i * hop``; periodic Hann window.

        stft = Stft(hop=80, window=640, fft=1024)
        spectrum = stft.forward(audio)  # audio of stft.samples(T) samples
        audio = stft.inverse(spectrum)

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
        """Returns how long the audio is that ``frames`` frames span, in whole blocks."""
        return (frames + self.blocks - 1) * self.hop

    def forward(self, audio: Float[Array, " S"]) -> Complex[Array, "T F"]:
        """Transforms audio whose length is `samples` of T."""
        # Frames that lie whole in the audio, and no others.
        count = len(audio) // self.hop - self.blocks + 1
        frames = cut_frames(audio[None], count, self.window, self.hop)[0]
        return jnp.fft.rfft(frames * hann_window(self.window), self.fft)

    def inverse(self, spectrum: Complex[Array, "T F"]) -> Float[Array, " S"]:
        """Returns the audio whose `forward` is closest to ``spectrum``.

        By least squares (Griffin and Lim 1984, eq. 6). Samples that hardly any window covers, at
        the two ends, are faded rather than divided by almost nothing.
        """
        window = hann_window(self.window)
        frames = jnp.fft.irfft(spectrum, self.fft)[:, : self.window] * window
        weight = overlap_add(jnp.broadcast_to(window**2, frames.shape)[None], self.hop)[0]
        # What the windows add up to far from both ends.
        full = np.sum(window**2) / self.hop
        return overlap_add(frames[None], self.hop)[0] / jnp.maximum(weight, 0.1 * full)


def invert_centred(
    magnitude: Float[Array, "B T F"], unit: Float[Array, "B T 2 F"], fft: int
) -> Float[Array, "B T W"]:
    """Makes windowed frames of ``fft`` samples of magnitudes and of the phases in their middle.

    Phases counted from the middle are nearly the same in all the bins around a sinusoid, where
    counted from the first sample they turn by half a circle from bin to bin: a network has less to
    learn.

    Args:
      magnitude: F = fft / 2 + 1 of each frame.
      unit: cosine and sine of the phases.
      fft: samples of the transform and of its periodic Hann window, W.
    """
    # A shift by half the transform: every other bin changes its sign.
    signed = magnitude * np.where(np.arange(magnitude.shape[-1]) % 2, -1.0, 1.0).astype(np.float32)
    frames = from_spectrum(signed * unit[:, :, 0], signed * unit[:, :, 1], fft)
    return frames * hann_window(fft)
