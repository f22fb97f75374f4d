"""Computes log-mel frames as `mt3synth.audio.mel` does, in JAX, for losses that need gradients."""

from __future__ import annotations

import jax.numpy as jnp

from mt3synth.audio.mel import MelSpec, hann_window, mel_filterbank
from mt3synth.types import Array, Float
from mt3synth.vocoder.stft import cut_frames

# Under a root, whose slope is infinite at 0; far below the square of the least magnitude.
_TINY = 1e-14


def magnitudes(
    audio: Float[Array, "B S"], window: int, hop: int, fft: int
) -> Float[Array, "B T F"]:
    """Computes magnitudes of a short-time Fourier transform with a periodic Hann window.

    Frame ``i`` begins at sample ``i * hop``, T = ceil(S / hop); audio is zero after its end.
    """
    frames = cut_frames(audio, -(-audio.shape[1] // hop), window, hop)
    # As `mt3synth.audio.mel` does it, sample by sample: a test compares the two.
    spectrum = jnp.fft.rfft(frames * hann_window(window), fft)
    return jnp.sqrt(spectrum.real**2 + spectrum.imag**2 + _TINY)


def log_mel(audio: Float[Array, "B S"], spec: MelSpec) -> Float[Array, "B T M"]:
    """Computes natural-log mel magnitudes, as `mt3synth.audio.mel.log_mel` does for each of B."""
    return log_mel_of(magnitudes(audio, spec.window, spec.hop, spec.fft), spec)


def log_mel_of(magnitude: Float[Array, "B T F"], spec: MelSpec) -> Float[Array, "B T M"]:
    """Computes natural-log mel magnitudes from the magnitudes of ``spec``'s transform."""
    return jnp.log(jnp.clip(magnitude @ mel_filterbank(spec), spec.floor, spec.ceiling))
