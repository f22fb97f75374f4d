"""Moves spectra along the mel scale by a fraction of a semitone, so that gradients pass."""

from __future__ import annotations

import math

import jax.numpy as jnp

from mt3synth.types import Array, Float

MOST_SEMITONES = 0.5
"""Further from its key a tone is nearer to another key."""

_MEL = 1127.0  # of HTK's scale, as `mt3synth.audio.mel` has it
_REACH = 2  # bins on either side that cubic interpolation looks at


def shift_spectra(
    spectra: Float[Array, "B N K M"], semitones: Float[Array, "B N"], low_hz: float, high_hz: float
) -> Float[Array, "B N K M"]:
    """Moves log magnitudes up by ``semitones``, at most `MOST_SEMITONES` either way.

    What is at a frequency f comes from f divided by the ratio, by cubic interpolation between bins
    (Keys 1981, "Cubic convolution interpolation for digital image processing"). A window spreads a
    partial over four bins or more, so that the top of its peak is met. By 0 semitones nothing
    changes, to the last bit.

    Args:
      spectra: of each note, log magnitudes in M bins.
      semitones: of each note; those beyond the bounds are moved to them.
      low_hz, high_hz: between which the bins lie.
    """
    bins = spectra.shape[-1]
    low, high = (_MEL * math.log1p(hz / 700) for hz in (low_hz, high_hz))
    step = (high - low) / (bins + 1)
    centres = 700 * jnp.expm1((low + step * jnp.arange(1, bins + 1)) / _MEL)
    ratio = jnp.exp2(-jnp.clip(semitones, -MOST_SEMITONES, MOST_SEMITONES) / 12)[..., None]
    # How many bins away what comes here is; written so that it is exactly 0 where nothing moves.
    away = _MEL * jnp.log1p(centres * (ratio - 1) / (700 + centres)) / step
    furthest = _MEL * math.log1p(high_hz / (700 + high_hz) * (2 ** (MOST_SEMITONES / 12) - 1))
    taps = math.ceil(furthest / step) + _REACH
    padded = jnp.pad(spectra, [(0, 0)] * (spectra.ndim - 1) + [(taps, taps)], mode="edge")
    moved = jnp.zeros_like(spectra)
    for tap in range(-taps, taps + 1):
        share = _cubic(tap - away)[..., None, :]
        moved += share * padded[..., taps + tap : taps + tap + bins]
    return moved


def _cubic(x: Array) -> Array:
    """Returns Keys' kernel, 1 at 0 and 0 at all other whole numbers and beyond 2."""
    x = jnp.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return jnp.where(x < 1, near, jnp.where(x < 2, far, 0.0))
