"""Takes mel magnitudes back to the magnitudes of a Fourier transform.

Two ways, for two vocoders. Griffin-Lim needs magnitudes whose mel bins are exactly the given ones
and corrects them again and again: `estimate_magnitude`, `fit_to_mel`. The network needs a smooth
curve to which it adds what it knows better: `mel_envelope`.
"""

from __future__ import annotations

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np

from mt3synth.audio.mel import MelSpec, mel_filterbank
from mt3synth.types import Array, Float
from mt3synth.vocoder.protocol import VocoderError

_TINY = 1e-9  # far below the quietest mel magnitude


def fit_to_mel(
    magnitude: Float[Array, "T F"], mel: Float[Array, "T M"], weights: Float[Array, "F M"]
) -> Float[Array, "T F"]:
    """Takes one step towards magnitudes whose mel bins are ``mel``; they stay non-negative.

    The multiplicative update of Lee and Seung (2001, "Algorithms for Non-negative Matrix
    Factorization", eq. 5, with the mel filters as the known factor), which never raises the
    Kullback-Leibler divergence from ``mel``. Unlike a pseudo-inverse it gives no negative magnitude
    to cut off; unlike least squares it is as careful with quiet bins as with loud ones. Bins in no
    filter become 0.
    """
    # Bins of mel that are to be silent get a ratio of 0 and stay there: magnitudes never turn
    # negative.
    ratio = mel / (magnitude @ weights + _TINY)
    return magnitude * (ratio @ weights.T) / (jnp.sum(weights, axis=1) + _TINY)


def estimate_magnitude(
    mel: Float[Array, "T M"], weights: Float[Array, "F M"], iterations: int
) -> Float[Array, "T F"]:
    """Estimates smooth non-negative magnitudes whose mel bins are ``mel``.

    Starts from each filter's level spread over its triangle, and takes ``iterations`` steps of
    `fit_to_mel`. The multiplicative steps keep the start's smoothness within a filter, where the
    mel frames say nothing.
    """
    # Each bin gets the mean of the filters that hear it, weighted by how well they do.
    start = mel @ weights.T / (jnp.sum(weights, axis=1) + _TINY)
    return jax.lax.fori_loop(0, iterations, lambda _, x: fit_to_mel(x, mel, weights), start)


def interpolate_frames(mel: Float[Array, "T M"], parts: int) -> Float[Array, "T2 M"]:
    """Makes ``parts`` frames of each: magnitudes on straight lines from frame to frame."""
    # The last frame goes on as it is: nothing follows it to be mixed with.
    after = jnp.concatenate([mel[1:], mel[-1:]])
    steps = [mel + (after - mel) * (j / parts) for j in range(parts)]
    return jnp.stack(steps, axis=1).reshape(-1, mel.shape[1])


def mel_envelope(log_mel: Float[Array, "*B M"], spec: MelSpec, fft: int) -> Float[Array, "*B F"]:
    """Draws log magnitudes on straight lines between the middles of the mel filters.

    A filter's level is spread over its area, and then raised by the length of the transform over
    that of the mel's window, for in so far a sinusoid has larger magnitudes.

    Args:
      log_mel: natural log.
      spec: of the frames.
      fft: samples of the transform; its window is as long.
    """
    weights, offset = _lines(spec, fft)
    return log_mel @ weights + offset


@lru_cache(maxsize=4)
def _lines(spec: MelSpec, fft: int) -> tuple[np.ndarray, np.ndarray]:
    """Computes the matrix ``[M, F]`` and offset ``[F]`` from log-mel to log magnitudes."""
    filters = mel_filterbank(spec)
    area = filters.sum(axis=0)
    bins = np.arange(len(filters))
    # Of an empty filter there is no middle; it is left out in the next line.
    with np.errstate(invalid="ignore"):
        middle = (bins @ filters) / area
    # Filters narrower than a bin may be empty; their neighbours speak for them.
    heard = np.flatnonzero(area > 0)
    if not len(heard):
        raise VocoderError(f"{spec.bins} mel bins of fft={spec.fft}: no filter holds a frequency")
    hz = np.arange(fft // 2 + 1) / fft
    # In cycles a sample, the same in both transforms.
    at, identity = middle[heard] / spec.fft, np.eye(len(area))
    # Interpolation as a matrix: on the device it is one product, with gradients.
    weights = np.stack([np.interp(hz, at, identity[m, heard]) for m in range(len(area))])
    offset = np.log(fft / spec.window) - np.interp(hz, at, np.log(area[heard]))
    return weights.astype(np.float32), offset.astype(np.float32)
