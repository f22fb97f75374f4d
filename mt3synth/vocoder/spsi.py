"""Guesses the phases of a spectrogram: every spectral peak is taken for a sinusoid that rings on.

Single pass spectrogram inversion (Beauregard, Harish and Wyse 2015, "Single Pass Spectrogram
Inversion", DSP 2015). Griffin-Lim only repairs phases locally, so where it starts decides how
tonal its result is.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from mt3synth.types import Array, Bool, Float
from mt3synth.vocoder.stft import Stft


def peak_frequencies(magnitude: Float[Array, "T F"]) -> tuple[Array, Array]:
    """Finds the peak nearest to each bin, and its frequency.

    A parabola through the log magnitudes around a peak gives its frequency. A frame without a peak
    has one at bin 0.

    Returns:
      The bin of the peak, int32 ``[T, F]``, and its frequency in fractional bins, float32
      ``[T, F]``.
    """
    bins = jnp.arange(magnitude.shape[1])
    # In logs, in which the peak of a windowed sinusoid is close to a parabola.
    level = jnp.log(magnitude + 1e-7)
    padded = jnp.pad(level, ((0, 0), (1, 1)), constant_values=jnp.log(1e-8))
    below, above = padded[:, :-2], padded[:, 2:]
    # Not below and really above, so that of equal neighbours one is a peak.
    is_peak = (level >= below) & (level > above)
    curvature = below - 2 * level + above
    # Never farther than half a bin: beyond it another bin would be the peak.
    offset = jnp.clip(0.5 * (below - above) / jnp.minimum(curvature, -1e-9), -0.5, 0.5)
    # The nearest peak to the left is the greatest bin so far that is one, and so to the right:
    # two scans over all bins instead of a search that depends on how many peaks there are.
    # Bins as floats, which hold them exactly: ONNX has running maxima of floats alone.
    far, at = 4.0 * bins.size, bins.astype(jnp.float32)
    left = jax.lax.cummax(jnp.where(is_peak, at, -far), axis=1)
    right = jax.lax.cummin(jnp.where(is_peak, at, far), axis=1, reverse=True)
    nearest = jnp.clip(jnp.where(at - left <= right - at, left, right), 0, bins.size - 1)
    nearest = nearest.astype(jnp.int32)
    return nearest, jnp.take_along_axis(bins + offset, nearest, axis=1)


def estimate_phases(
    magnitude: Float[Array, "T F"],
    known: Float[Array, "T F"],
    is_known: Bool[Array, " T"],
    stft: Stft,
) -> Float[Array, "T F"]:
    """Estimates phases in radians so that each peak goes on from where the last frame left it.

    Args:
      magnitude: of each frame.
      known: phases of the frames that are given, in radians.
      is_known: which those are; the first frame has to be.
      stft: the transform. A frame counts time from its first sample, so around one sinusoid the
        phase falls by pi * window / fft from bin to bin; taken from the window's middle it is even.
    """
    nearest, frequency = peak_frequencies(magnitude)
    advance = 2 * jnp.pi * stft.hop / stft.fft * frequency
    # Phases are carried on as of the middle, where they are even around a peak, and turned back
    # below.
    to_middle = jnp.pi * stft.window / stft.fft * jnp.arange(magnitude.shape[1])

    def step(phases: Array, frame: tuple[Array, ...]) -> tuple[Array, Array]:
        nearest, advance, known, is_known = frame
        continued = jnp.mod(phases[nearest] + advance, 2 * jnp.pi)
        phases = jnp.where(is_known, known, continued)
        return phases, phases

    frames = (nearest, advance, known + to_middle, is_known)
    _, phases = jax.lax.scan(step, jnp.zeros_like(to_middle), frames)
    return phases - to_middle
