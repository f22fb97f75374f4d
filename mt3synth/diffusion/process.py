"""The forward process, and the one function that converts between what a network may predict."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import jax.numpy as jnp

from mt3synth.types import Array, Float

PredictionKind = Literal["eps", "x0", "v"]


class Estimate(NamedTuple):
    """One prediction in its three equivalent forms (Salimans & Ho 2022, arXiv 2202.00512)."""

    x0: Array
    eps: Array
    v: Array


def scales_like(
    alpha: Float[Array, "*b"], sigma: Float[Array, "*b"], x: Array
) -> tuple[Array, Array]:
    """``alpha`` and ``sigma`` with trailing axes, so that they multiply ``x``."""
    # Leading axes and not trailing ones: one time for each example of a batch.
    shape = alpha.shape + (1,) * (x.ndim - alpha.ndim)
    return alpha.reshape(shape), sigma.reshape(shape)


def diffuse(x0: Array, eps: Array, alpha: Array, sigma: Array) -> Array:
    """x_t = alpha x0 + sigma eps (Ho et al. 2020, arXiv 2006.11239, eq. 4)."""
    alpha, sigma = scales_like(alpha, sigma, x0)
    return alpha * x0 + sigma * eps


def convert(
    prediction: Array, kind: PredictionKind, x_t: Array, alpha: Array, sigma: Array
) -> Estimate:
    """A network's prediction as x0, eps and v, with v = alpha eps - sigma x0.

    Args:
      prediction: what the network says, the shape of ``x_t``.
      kind: which of the three it is.
      x_t: the noisy frames.
      alpha: scale of the data, scalar or leading axes of ``x_t``.
      sigma: scale of the noise, likewise.

    Raises:
      ValueError: unknown ``kind``.
    """
    alpha, sigma = scales_like(jnp.asarray(alpha), jnp.asarray(sigma), x_t)
    if kind == "eps":
        # Near noise alpha is almost nothing and this is ill-conditioned; who samples clips x0.
        x0 = (x_t - sigma * prediction) / alpha
        return Estimate(x0, prediction, alpha * prediction - sigma * x0)
    if kind == "x0":
        eps = (x_t - alpha * prediction) / sigma
        return Estimate(prediction, eps, alpha * eps - sigma * prediction)
    if kind == "v":
        return Estimate(
            alpha * x_t - sigma * prediction, sigma * x_t + alpha * prediction, prediction
        )
    raise ValueError(f"prediction {kind!r} is unknown; choose one of {get_args(PredictionKind)}")
