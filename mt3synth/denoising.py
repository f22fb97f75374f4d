"""A network's prediction as an estimate of the data: where network and diffusion process meet."""

from __future__ import annotations

from typing import Any

import flax.linen as nn

from mt3synth.diffusion.prior import Prior, put_back, take_away
from mt3synth.diffusion.process import Estimate, convert
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.types import Array, Float, PyTree


def prior_of(context: PyTree) -> Prior | None:
    """The prior that a network's context gives; None if it gives none."""
    given = getattr(context, "prior", None)
    return None if given is None else Prior(*given)


def estimate(
    network: nn.Module,
    diffusion: DiffusionSpec,
    params: PyTree,
    context: PyTree,
    x_t: Float[Array, "B T M"],
    time: Float[Array, " B"],
    **options: Any,
) -> Estimate:
    """What the network takes the data, the noise and their velocity to be.

    A network that gives a prior is shown the residual of the noisy frames and predicts in it; any
    other is shown the frames.

    Args:
      network: with the methods ``encode`` and ``decode``.
      diffusion: what its output means.
      params: its parameters.
      context: of its ``encode``.
      x_t: noisy frames.
      time: diffusion time in [0, 1] of each example.
      **options: handed to ``network.apply``.
    """
    alpha, sigma = diffusion.schedule.alpha_sigma(time)

    def predict(frames: Array) -> Array:
        prediction: Any = network.apply(
            {"params": params}, frames, time, context, method="decode", **options
        )
        return prediction

    prior = prior_of(context)
    if prior is None:
        return convert(predict(x_t), diffusion.prediction, x_t, alpha, sigma)
    residual = take_away(x_t, prior, alpha, sigma)
    prediction = predict(residual.frames)
    return put_back(prediction, diffusion.prediction, residual, prior, alpha, sigma)
