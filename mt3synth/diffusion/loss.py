"""Training losses; each returns one number per example."""

from __future__ import annotations

from typing import Literal, get_args

import jax.numpy as jnp

from mt3synth.diffusion.process import Estimate, PredictionKind
from mt3synth.types import Array, Float

Norm = Literal["l1", "l2"]


def denoising_loss(
    prediction: Float[Array, "B T M"], target: Estimate, kind: PredictionKind, norm: Norm
) -> Float[Array, " B"]:
    """Mean distance between the predicted and the true eps, x0 or v (Ho et al. 2020, eq. 14).

    Raises:
      ValueError: unknown ``norm``.
    """
    # In float32 also for activations in bfloat16: a mean over 32768 values would lose its digits
    # there.
    error = prediction.astype(jnp.float32) - getattr(target, kind)
    axes = tuple(range(1, error.ndim))
    if norm == "l1":
        return jnp.mean(jnp.abs(error), axis=axes)
    if norm == "l2":
        return jnp.mean(jnp.square(error), axis=axes)
    raise ValueError(f"norm {norm!r} is unknown; choose one of {get_args(Norm)}")
