"""One update of the parameters, and one evaluation with fixed noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from mt3synth.diffusion.loss import denoising_loss
from mt3synth.diffusion.process import Estimate, diffuse, scales_like
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.models.conditions import Conditions
from mt3synth.training.state import TrainState
from mt3synth.types import Array, Float, Key, PyTree

JaxBatch = Mapping[str, Any]
"""A batch as NumPy or JAX arrays; see `mt3synth.types` for their shapes."""
Metrics = dict[str, Array]


def conditions_of(batch: JaxBatch, keep_score: Array, keep_performance: Array) -> Conditions:
    """The conditions in a batch; ``keep_*`` are bool ``[B]``."""
    roll = batch.get("roll")
    return Conditions(
        performance=batch["performance"],
        keep_score=keep_score,
        keep_performance=keep_performance,
        tokens=batch.get("tokens"),
        token_times=batch.get("token_times"),
        roll=None if roll is None else roll.astype(jnp.float32),
    )


def example_losses(
    network: nn.Module,
    spec: DiffusionSpec,
    params: PyTree,
    batch: JaxBatch,
    time: Float[Array, " B"],
    noise: Float[Array, "B T M"],
    keep: tuple[Array, Array],
    dropout_key: Key[Array, ""] | None = None,
) -> Float[Array, " B"]:
    """The denoising loss of each example at given times, noise and condition drops.

    Dropout is on exactly when a key for it is given.
    """
    mel = batch["mel"].astype(jnp.float32)
    alpha, sigma = spec.schedule.alpha_sigma(time)
    x_t = diffuse(mel, noise, alpha, sigma)
    prediction: Any = network.apply(
        {"params": params},
        x_t,
        time,
        conditions_of(batch, *keep),
        deterministic=dropout_key is None,
        rngs=None if dropout_key is None else {"dropout": dropout_key},
    )
    alpha, sigma = scales_like(alpha, sigma, mel)
    target = Estimate(x0=mel, eps=noise, v=alpha * noise - sigma * mel)
    return denoising_loss(prediction, target, spec.prediction, spec.norm)


def make_train_step(
    network: nn.Module,
    spec: DiffusionSpec,
    optimizer: optax.GradientTransformation,
    *,
    ema_decay: float,
    condition_drop: float,
    time_power: float,
    seed: int,
) -> Callable[[TrainState, JaxBatch], tuple[TrainState, Metrics]]:
    """The jitted update.

    Times are stratified over the batch; score and performance are dropped independently.

    Args:
      network, spec, optimizer: the model and how it learns.
      ema_decay: decay of the parameter average, approached as (1 + step) / (10 + step).
      condition_drop: probability with which each condition is withheld.
      time_power: times are u ** time_power for u uniform in [0, 1]; below 1 they lie more often
        where there is much noise and the score has to decide.
      seed: with the state's step, the source of all randomness.
    """

    def update(state: TrainState, batch: JaxBatch) -> tuple[TrainState, Metrics]:
        key = jax.random.fold_in(jax.random.key(seed), state.step)
        key_time, key_noise, key_score, key_performance, key_dropout = jax.random.split(key, 5)
        size = batch["mel"].shape[0]
        uniform = (jnp.arange(size) + jax.random.uniform(key_time, (size,))) / size
        time = uniform**time_power
        noise = jax.random.normal(key_noise, batch["mel"].shape)
        keep = (
            jax.random.bernoulli(key_score, 1 - condition_drop, (size,)),
            jax.random.bernoulli(key_performance, 1 - condition_drop, (size,)),
        )

        def mean_loss(params: PyTree) -> Array:
            losses = example_losses(network, spec, params, batch, time, noise, keep, key_dropout)
            return jnp.mean(losses)

        loss, grads = jax.value_and_grad(mean_loss)(state.params)
        updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        step = state.step + 1
        decay = jnp.minimum(ema_decay, (1.0 + step) / (10.0 + step))
        ema = optax.incremental_update(params, state.ema, 1 - decay)
        metrics = {"loss": loss, "gradient_norm": optax.global_norm(grads)}
        return TrainState(step, params, ema, opt_state), metrics

    return jax.jit(update, donate_argnums=0)


EVAL_TIMES = (0.1, 0.3, 0.6, 0.95)
"""Diffusion times at which the loss is measured; the last, nearly pure noise, shows how far the
score is used at all."""


def make_eval_step(
    network: nn.Module, spec: DiffusionSpec, *, seed: int
) -> Callable[[PyTree, JaxBatch], Float[Array, " times"]]:
    """The jitted mean loss of a batch at each of ``EVAL_TIMES``.

    Noise depends on the seed alone and dropout is off, so values of different runs compare.
    """

    def evaluate(params: PyTree, batch: JaxBatch) -> Array:
        size = batch["mel"].shape[0]
        noise = jax.random.normal(jax.random.key(seed), batch["mel"].shape)
        keep = (jnp.ones(size, bool), jnp.ones(size, bool))
        return jnp.stack(
            [
                jnp.mean(
                    example_losses(network, spec, params, batch, jnp.full(size, time), noise, keep)
                )
                for time in EVAL_TIMES
            ]
        )

    return jax.jit(evaluate)
