"""Diffusion around a prior: what is known of the data beforehand is taken away, the rest denoised.

A prior says where each value of the data lies, its mean ``m``, and how far from it, its deviation
``r``. Then ``z = (x0 - m) / r`` is data of zero mean and unit scale, and noisy data hold it as

    (x_t - alpha m) / s = (alpha r / s) z + (sigma / s) eps,    s^2 = alpha^2 r^2 + sigma^2,

which is the same kind of process on ``z`` with scales of its own for each value. A network that
predicts in it has to find only what the prior leaves open: this is the preconditioning of Karras et
al. 2022 (arXiv 2206.00364, section 5) about a mean that is not zero, as in PriorGrad (Lee et al.
2021, arXiv 2106.06406) and Residual Prior Diffusion (arXiv 2512.21593). Noise and noise schedule of
``x_t`` stay what they are, so steppers, guidance and canvas need not know of it. A prior of mean 0
and deviation 1 changes nothing, to the last digit.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp

from mt3synth.diffusion.process import Estimate, PredictionKind, convert, scales_like
from mt3synth.types import Array, Float


class Prior(NamedTuple):
    """What is known of frames before any noise is looked at.

    Attributes:
      mean: m, in the range of the data, ``[B, T, M]``.
      deviation: r > 0, that of the data around the mean; any shape that spreads over ``mean``.
    """

    mean: Float[Array, "*B T M"]
    deviation: Float[Array, "*_ M"]


class Residual(NamedTuple):
    """Noisy data with the prior taken away, and the scales of the process in which they lie.

    Attributes:
      frames: ``(x_t - alpha m) / s``, of unit scale; what the network is given.
      alpha: scale of z in them, of the deviation's shape.
      sigma: scale of the noise in them, likewise.
    """

    frames: Float[Array, "*B T M"]
    alpha: Float[Array, "*_ M"]
    sigma: Float[Array, "*_ M"]


def marginal_scale(prior: Prior, alpha: Array, sigma: Array) -> Array:
    """Deviation s of noisy data around ``alpha m``; ``alpha`` and ``sigma`` are ``[B]`` or scalars.

    The division by their own squares, which add up to 1 but for rounding, makes a deviation of 1
    give exactly 1.
    """
    alpha, sigma = scales_like(jnp.asarray(alpha), jnp.asarray(sigma), prior.mean)
    power = alpha**2 * prior.deviation**2 + sigma**2
    return jnp.sqrt(power / (alpha**2 + sigma**2))


def take_away(x_t: Float[Array, "*B T M"], prior: Prior, alpha: Array, sigma: Array) -> Residual:
    """What a network is to look at instead of ``x_t``.

    Args:
      x_t: noisy data.
      prior: of the data.
      alpha: scale of the data in ``x_t``, ``[B]`` or a scalar.
      sigma: scale of the noise in it, likewise.
    """
    # Divided by their own scale, residuals are of unit size at every time, which a network works
    # best with.
    scale = marginal_scale(prior, alpha, sigma)
    alpha, sigma = scales_like(jnp.asarray(alpha), jnp.asarray(sigma), x_t)
    frames = (x_t - alpha * prior.mean) / scale
    return Residual(frames, alpha * prior.deviation / scale, sigma / scale)


def put_back(
    prediction: Float[Array, "*B T M"],
    kind: PredictionKind,
    residual: Residual,
    prior: Prior,
    alpha: Array,
    sigma: Array,
) -> Estimate:
    """The estimate of the data that a prediction about their residual makes.

    Args:
      prediction: what the network says about z.
      kind: which of eps, x0 and v it is.
      residual: of `take_away`.
      prior, alpha, sigma: as given there.
    """
    # The same conversion as for any data, in the residual's own scales.
    z = convert(prediction, kind, residual.frames, residual.alpha, residual.sigma)
    alpha, sigma = scales_like(jnp.asarray(alpha), jnp.asarray(sigma), residual.frames)
    # v = alpha eps - sigma x0 with x0 and eps written out in z's own v. Unlike their difference it
    # keeps its digits where sigma is small.
    scale = sigma / residual.sigma
    known = alpha * (1 - prior.deviation**2) / scale * residual.frames - prior.mean
    v = prior.deviation / scale * z.v + sigma * known
    # The noise is that of x_t itself: taking a known mean away leaves it as it is.
    return Estimate(prior.mean + prior.deviation * z.x0, z.eps, v)


def draw_marginal(
    noise: Float[Array, "*B T M"], prior: Prior, alpha: Array, sigma: Array
) -> Float[Array, "*B T M"]:
    """Noisy data at one time, as far as the prior knows them: where a late start begins.

    Args:
      noise: standard normal.
      prior: of the data.
      alpha: scale of the data at that time, ``[B]`` or a scalar.
      sigma: scale of the noise, likewise.
    """
    scale = marginal_scale(prior, alpha, sigma)
    # As a Gaussian of the prior's deviation around its mean, which at late times is all there is to
    # know: noise covers the rest.
    alpha, _ = scales_like(jnp.asarray(alpha), jnp.asarray(sigma), noise)
    return alpha * prior.mean + scale * noise
