"""Mel magnitudes back to the magnitudes of a Fourier transform."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from mt3synth.types import Array, Float

_TINY = 1e-9  # far below the quietest mel magnitude


def fit_to_mel(
    magnitude: Float[Array, "T F"], mel: Float[Array, "T M"], weights: Float[Array, "F M"]
) -> Float[Array, "T F"]:
    """One step towards magnitudes whose mel bins are ``mel``; they stay non-negative.

    The multiplicative update of Lee and Seung (2001, "Algorithms for Non-negative Matrix
    Factorization", eq. 5, with the mel filters as the known factor), which never raises the
    Kullback-Leibler divergence from ``mel``. Unlike a pseudo-inverse it gives no negative magnitude
    to cut off; unlike least squares it is as careful with quiet bins as with loud ones. Bins in no
    filter become 0.
    """
    ratio = mel / (magnitude @ weights + _TINY)
    return magnitude * (ratio @ weights.T) / (jnp.sum(weights, axis=1) + _TINY)


def linear_magnitude(
    mel: Float[Array, "T M"], weights: Float[Array, "F M"], iterations: int
) -> Float[Array, "T F"]:
    """Smooth non-negative magnitudes whose mel bins are ``mel``, by ``iterations`` of `fit_to_mel`.

    Starts from each filter's level spread over its triangle.
    """
    start = mel @ weights.T / (jnp.sum(weights, axis=1) + _TINY)
    return jax.lax.fori_loop(0, iterations, lambda _, x: fit_to_mel(x, mel, weights), start)


def between_frames(mel: Float[Array, "T M"], parts: int) -> Float[Array, "T2 M"]:
    """``parts`` frames for each: magnitudes on straight lines from frame to frame."""
    after = jnp.concatenate([mel[1:], mel[-1:]])
    steps = [mel + (after - mel) * (j / parts) for j in range(parts)]
    return jnp.stack(steps, axis=1).reshape(-1, mel.shape[1])
