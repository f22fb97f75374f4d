"""Draws the randomness of a step, for each example by its index in the whole batch.

So a step's result depends neither on the mesh, nor on how many processes share the batch, nor on
the micro-batches it is cut into.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mt3synth.types import Array, Bool, Float, Int, Key


class StepNoise(NamedTuple):
    """Holds all that is random about the examples of a step.

    Attributes:
      time: diffusion time in [0, 1].
      noise: standard normal.
      keep_score: False where the score is withheld.
      keep_performance: False where the performance is withheld.
      dropout: key of the example's dropout.
      keep_context: False where the frames before the segment are withheld.
    """

    time: Float[Array, " B"]
    noise: Float[Array, "B T M"]
    keep_score: Bool[Array, " B"]
    keep_performance: Bool[Array, " B"]
    dropout: Key[Array, " B"]
    keep_context: Bool[Array, " B"]


def draw(
    key: Key[Array, ""],
    index: Int[Array, " B"],
    batch_size: int,
    frame_shape: tuple[int, int],
    *,
    condition_drop: float,
    time_power: float,
) -> StepNoise:
    """Draws times stratified over the whole batch, and all else independently.

    Each stratum of the time holds one example, which makes the mean loss of a batch vary less than
    with independent times (compare Kingma et al. 2021, arXiv 2107.00630).

    Args:
      key: of the step.
      index: of each example in the whole batch, 0 to ``batch_size - 1``.
      batch_size: examples in the whole batch.
      frame_shape: ``(T, M)`` of an example.
      condition_drop: probability with which score, performance and context are each withheld.
      time_power: times are u ** time_power, u being uniform in the example's stratum.
    """

    # A key of its own for each example, by its index: so nothing depends on who computes it.
    def one(index: Array) -> StepNoise:
        own = jax.random.fold_in(key, index)
        keys = jax.random.split(own, 5)
        # The index is the stratum: examples come in an order drawn at random, so it says nothing of
        # them.
        uniform = (index + jax.random.uniform(keys[0])) / batch_size
        return StepNoise(
            time=uniform**time_power,
            noise=jax.random.normal(keys[1], frame_shape),
            keep_score=jax.random.bernoulli(keys[2], 1 - condition_drop),
            keep_performance=jax.random.bernoulli(keys[3], 1 - condition_drop),
            dropout=keys[4],
            # Folded in rather than split off, so that models without context, which came first,
            # draw all else as they always have.
            keep_context=jax.random.bernoulli(jax.random.fold_in(own, 5), 1 - condition_drop),
        )

    return jax.vmap(one)(index)


def fixed_noise(seed: int, batch_size: int, frame_shape: tuple[int, int]) -> Float[Array, "B T M"]:
    """Draws standard normal noise for a validation, which depends on seed and index alone."""

    def one(index: Array) -> Array:
        # A function of the index alone: a validation with another batch size has the same noise.
        return jax.random.normal(jax.random.fold_in(jax.random.key(seed), index), frame_shape)

    return jax.vmap(one)(jnp.arange(batch_size))
