"""`mt3synth.audio.mel` in JAX, for losses that have to be differentiated."""

from __future__ import annotations

import jax.numpy as jnp

from mt3synth.audio.mel import MelSpec, hann_window, mel_filterbank
from mt3synth.types import Array, Float

_TINY = 1e-14  # under a root, far below the square of the least magnitude


def framed(audio: Float[Array, "B S"], window: int, hop: int) -> Float[Array, "B T W"]:
    """Frames of ``window`` samples; frame ``i`` begins at sample ``i * hop``, T = ceil(S / hop).

    Audio is taken as zero after its end.
    """
    batch, samples = audio.shape
    count, parts = -(-samples // hop), -(-window // hop)
    padded = jnp.pad(audio, ((0, 0), (0, (count + parts - 1) * hop - samples)))
    blocks = padded.reshape(batch, count + parts - 1, hop)
    shifted = [blocks[:, part : part + count] for part in range(parts)]
    return jnp.concatenate(shifted, axis=2)[:, :, :window]


def magnitudes(
    audio: Float[Array, "B S"], window: int, hop: int, fft: int
) -> Float[Array, "B T F"]:
    """Magnitudes of a short-time Fourier transform with a periodic Hann window."""
    spectrum = jnp.fft.rfft(framed(audio, window, hop) * hann_window(window), fft)
    return jnp.sqrt(spectrum.real**2 + spectrum.imag**2 + _TINY)


def log_mel(audio: Float[Array, "B S"], spec: MelSpec) -> Float[Array, "B T M"]:
    """Natural-log mel magnitudes, as `mt3synth.audio.mel.log_mel` gives them for each of B."""
    return log_mel_of(magnitudes(audio, spec.window, spec.hop, spec.fft), spec)


def log_mel_of(magnitude: Float[Array, "B T F"], spec: MelSpec) -> Float[Array, "B T M"]:
    """Natural-log mel magnitudes of the magnitudes of ``spec``'s transform."""
    return jnp.log(jnp.clip(magnitude @ mel_filterbank(spec), spec.floor, spec.ceiling))
