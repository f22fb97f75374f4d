"""What the network is asked for a few windows at once; compiled once for all songs."""

from __future__ import annotations

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from mt3synth.denoising import estimate, prior_of
from mt3synth.diffusion.guidance import ALL_TIMES, Guidance
from mt3synth.diffusion.prior import Prior
from mt3synth.diffusion.process import convert
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.models.conditions import Conditions
from mt3synth.types import Array, Float, PyTree


@partial(jax.jit, static_argnames=("network", "guidance"))
def encode_chunk(
    network: nn.Module, guidance: Guidance, params: PyTree, conditions: Conditions
) -> PyTree:
    """The context of C windows under every branch of the guidance, leading axis G * C."""
    # Static, so that each guidance is a program of its own with no branch that counts for nothing.
    branches = guidance.branches()
    size = conditions.performance.shape[0]
    tiled = jax.tree.map(lambda x: jnp.tile(x, (len(branches),) + (1,) * (x.ndim - 1)), conditions)
    tiled = tiled._replace(
        # Branch by branch and not window by window, so that one branch is a slice.
        keep_score=jnp.repeat(jnp.array([b.keep_score for b in branches]), size),
        keep_performance=jnp.repeat(jnp.array([b.keep_performance for b in branches]), size),
    )
    return network.apply({"params": params}, tiled, method="encode")


@partial(jax.jit, static_argnames=("network", "diffusion", "guidance"))
def denoise_chunk(
    network: nn.Module,
    diffusion: DiffusionSpec,
    guidance: Guidance,
    params: PyTree,
    context: PyTree,
    x_t: Float[Array, "C T M"],
    time: Float[Array, ""],
) -> Float[Array, "C T M"]:
    """The guided x0 of C windows, clipped to the network's range; all branches in one call."""
    kind = diffusion.prediction

    def predict(count: int) -> Float[Array, "G C T M"]:
        # The plain branch is the first, so that fewer branches are a beginning of the context.
        rows = count * x_t.shape[0]
        each = estimate(
            network,
            diffusion,
            params,
            jax.tree.map(lambda leaf: leaf[:rows], context),
            jnp.tile(x_t, (count, 1, 1)),
            jnp.full(rows, time),
        )
        # The prediction itself is combined: where there is a prior each branch has its own, and
        # only what all of them say of the same frames can be added up.
        return getattr(each, kind).reshape(count, *x_t.shape)

    def guide() -> Float[Array, "C T M"]:
        return guidance.combine(predict(len(guidance.branches())))

    if guidance.interval == ALL_TIMES:
        prediction = guide()
    else:
        low, high = guidance.interval
        inside = (low <= time) & (time <= high)
        # A condition at run time: one program serves all steps, and only one side is computed.
        prediction = jax.lax.cond(inside, guide, lambda: predict(1)[0])
    alpha, sigma = diffusion.schedule.alpha_sigma(time)
    # Mel frames cannot lie outside, and a step goes on from them: without the clip errors near
    # noise, where x0 is ill-conditioned, would be carried along.
    return jnp.clip(convert(prediction, kind, x_t, alpha, sigma).x0, -1.0, 1.0)


@partial(jax.jit, static_argnames=("network",))
def prior_chunk(network: nn.Module, params: PyTree, conditions: Conditions) -> Prior:
    """What the network knows of C windows before it sees any frame of them.

    Raises:
      ValueError: it has no prior.
    """
    prior = prior_of(network.apply({"params": params}, conditions, method="encode"))
    if prior is None:
        raise ValueError("the network has no prior")
    return prior
