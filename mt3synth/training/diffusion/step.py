"""Makes one update of the parameters, and one validation with fixed noise.

The same functions serve one device and many: arrays come with their shardings, and the compiler
sees to the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax.lax import with_sharding_constraint
from jax.sharding import Mesh

from mt3synth.denoising import estimate, prior_of
from mt3synth.diffusion.loss import PLAIN, LossConfig, attack_weights, denoising_loss, error_scale
from mt3synth.diffusion.prior import Prior
from mt3synth.diffusion.process import Estimate, diffuse, scales_like
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.models.conditions import Conditions, conditions_of
from mt3synth.models.note_envelopes import NoteRows
from mt3synth.models.remat import RematPolicy, check_remat
from mt3synth.training.diffusion.hearing import Hearing
from mt3synth.training.diffusion.randomness import draw, fixed_noise
from mt3synth.training.monitoring.metrics import TIME_BINS
from mt3synth.training.parallel.accumulation import sum_micro_batches
from mt3synth.training.parallel.mesh import (
    batch_sharding,
    check_batch_size,
    replicated,
    single_device_mesh,
)
from mt3synth.training.parallel.sharding import gathered, param_shardings, state_shardings
from mt3synth.training.state import Metrics, TrainState, update_average
from mt3synth.types import Array, Float, JaxBatch, Key, PyTree

LEVEL_BANDS = 8
"""Parts of a frame whose powers a prior is to meet: so few that partials of a note share one, so
many that brilliance counts as much as the fundamental."""

_MOST_EXCESS = 2.0


def example_losses(
    network: nn.Module,
    spec: DiffusionSpec,
    params: PyTree,
    batch: JaxBatch,
    time: Float[Array, " B"],
    noise: Float[Array, "B T M"],
    keep: tuple[Array, ...],
    dropout_keys: Key[Array, " B"] | None = None,
    prior_weight: float = 0.0,
    loss: LossConfig = PLAIN,
    hearing: Hearing | None = None,
    hearing_weight: float = 0.0,
) -> Float[Array, " B"]:
    """Computes the denoising loss of each example at given times, noise and condition drops.

    Args:
      network: the denoiser.
      spec: what it predicts.
      params: its parameters.
      batch: the examples, ``mel`` in the network's range.
      time: diffusion time in [0, 1].
      noise: standard normal.
      keep: for score, performance and, if some are withheld, contexts which are kept, each bool
        ``[B]``.
      dropout_keys: one for each example; dropout is on exactly when they are given.
      prior_weight: of the prior's own loss, which is added where the network gives a prior.
      loss: in which form errors are measured, and how they are weighed.
      hearing: compares what is heard in the predicted frames with what is heard in the real ones.
      hearing_weight: of that.
    """
    mel = batch["mel"].astype(jnp.float32)
    alpha, sigma = spec.schedule.alpha_sigma(time)
    x_t = diffuse(mel, noise, alpha, sigma)
    conditions = conditions_of(batch, *keep)
    # Nothing is drawn in the network here, so the batch goes through it as one.
    if dropout_keys is None:
        # The prior as well: it comes out of the same pass of the encoder.
        predicted, prior = _estimate(network, spec, params, x_t, time, conditions)
    else:
        predicted, prior = _estimate_with_dropout(
            network, spec, params, x_t, time, conditions, dropout_keys
        )
    kind = spec.prediction
    scale = error_scale(loss, kind, alpha, sigma)
    alpha, sigma = scales_like(alpha, sigma, mel)
    # All three are at hand here, and the loss takes the one that is predicted.
    target = Estimate(x0=mel, eps=noise, v=alpha * noise - sigma * mel)
    # Of the whole frames also where there is a prior: with and without one, losses compare.
    frames = _attacks(batch, network, loss.attacks) if loss.attacks else None
    given = getattr(predicted, kind)
    losses = denoising_loss(given, target, kind, spec.norm, frames, scale)
    if hearing is not None and hearing_weight:
        # By the share of the data in the power of what is seen: of what is mostly noise a network
        # can only say the mean, in which nobody hears a note.
        heard = hearing.losses(predicted.x0, mel, jnp.square(alpha[:, 0, 0]))
        losses += hearing_weight * heard
    if prior is None or not prior_weight:
        return losses
    return losses + prior_weight * prior_losses(prior, mel, _nats_per_unit(network))


def prior_losses(
    prior: Prior, mel: Float[Array, "B T M"], nats_per_unit: float
) -> Float[Array, " B"]:
    """Computes how far the mean of each example's prior is from its frames.

    That is the mean square distance of the log magnitudes, and to it how unlikely the powers of
    `LEVEL_BANDS` equal parts of each frame are. The mean of a log lies below the log of the mean,
    so by the distance alone a prior heard by itself is too soft: most where it knows least, as of
    noises and drums. The powers are judged by the Itakura-Saito divergence of the real one from
    the prior's (Fevotte et al. 2009, Neural Computation 21(3)), which is least where the prior's
    is their mean.

    Args:
      prior: of the frames.
      mel: the frames, in the network's range.
      nats_per_unit: by how much a log magnitude grows from 0 to 1 in that range.
    """
    bands = math.gcd(mel.shape[-1], LEVEL_BANDS)

    def log_powers(frames: Array) -> Array:
        magnitudes = nats_per_unit * frames.reshape(*frames.shape[:-1], bands, -1)
        return jax.nn.logsumexp(2 * magnitudes, axis=-1)

    excess = log_powers(mel) - log_powers(prior.mean)
    # Beyond e^2 of what was expected it grows no faster than a line: a breath where the prior
    # says silence would else outweigh all the rest of a batch.
    within = jnp.minimum(excess, _MOST_EXCESS)
    divergence = jnp.expm1(within) - within + jnp.expm1(_MOST_EXCESS) * (excess - within)
    # Near its minimum it is half the square of a log power: in units of the network's range the
    # square of a log magnitude, like the distance.
    levels = divergence / (2 * nats_per_unit**2)
    return jnp.mean(jnp.square(prior.mean - mel), axis=(1, 2)) + jnp.mean(levels, axis=(1, 2))


def _attacks(batch: JaxBatch, network: nn.Module, attacks: float) -> Float[Array, "B T"]:
    rows = NoteRows.of(batch["notes"])
    onsets = jnp.where(rows.instrument >= 0, rows.onset, jnp.inf)
    hops = network.config.prior.window_hops
    return attack_weights(onsets, batch["mel"].shape[1], hops, attacks)


def _nats_per_unit(network: nn.Module) -> float:
    shape = network.config.prior
    return (shape.range_high - shape.range_low) / 2


def _estimate(
    network: nn.Module,
    spec: DiffusionSpec,
    params: PyTree,
    x_t: Float[Array, "B T M"],
    time: Float[Array, " B"],
    conditions: Conditions,
    **options: Any,
) -> tuple[Estimate, Prior | None]:
    context = network.apply({"params": params}, conditions, method="encode", **options)
    return estimate(network, spec, params, context, x_t, time, **options), prior_of(context)


def _estimate_with_dropout(
    network: nn.Module,
    spec: DiffusionSpec,
    params: PyTree,
    x_t: Float[Array, "B T M"],
    time: Float[Array, " B"],
    conditions: Conditions,
    keys: Key[Array, " B"],
) -> tuple[Estimate, Prior | None]:
    """Applies the network to each example as a batch of its own, each with its own masks.

    One key for the whole batch would make an example's masks depend on how the batch is cut into
    micro-batches.
    """

    def one(x_t: Array, time: Array, conditions: Conditions, key: Array) -> Any:
        # A batch of one: networks know nothing else.
        given = jax.tree.map(lambda leaf: leaf[None], (x_t, time, conditions))
        found = _estimate(network, spec, params, *given, deterministic=False, rngs={"dropout": key})
        return jax.tree.map(lambda leaf: leaf[0], found)

    return jax.vmap(one)(x_t, time, conditions, keys)


def _only_prior(
    network: nn.Module, params: PyTree, batch: JaxBatch, keep: tuple[Array, ...]
) -> Float[Array, " B"]:
    # The denoiser is never called, which is most of what a step costs.
    context = network.apply({"params": params}, conditions_of(batch, *keep), method="encode")
    prior = prior_of(context)
    assert prior is not None  # `TrainConfig.prior_first` is refused for other networks
    return prior_losses(prior, batch["mel"].astype(jnp.float32), _nats_per_unit(network))


def make_train_step(
    network: nn.Module,
    spec: DiffusionSpec,
    optimizer: optax.GradientTransformation,
    *,
    ema_decay: float,
    condition_drop: float,
    time_power: float,
    seed: int,
    prior_weight: float = 0.0,
    prior_only: bool = False,
    loss: LossConfig = PLAIN,
    hearing: Hearing | None = None,
    hearing_weight: float = 0.0,
    mesh: Mesh | None = None,
    accumulation: int = 1,
    remat: RematPolicy = "none",
) -> Callable[[TrainState, JaxBatch], tuple[TrainState, Metrics]]:
    """Makes the jitted update.

    Times are stratified over the batch; score, performance and context (where the network reads
    one) are dropped independently. Up to rounding the result depends on none of ``mesh``,
    ``accumulation`` and ``remat``.

    Its metrics are ``loss`` and ``gradient_norm``, scalars, and for each of ``TIME_BINS`` equal
    parts of the diffusion time ``loss_sum_by_time`` and ``count_by_time``, over the examples whose
    time fell there. Every process has them whole.

    Args:
      network, spec, optimizer: the model and how it learns.
      ema_decay: decay of the parameter average, approached as (1 + step) / (10 + step).
      condition_drop: probability with which each condition is withheld.
      time_power: times are u ** time_power for u uniform in [0, 1]; below 1 they lie more often
        where there is much noise and the score has to decide.
      seed: with the state's step, the source of all randomness.
      prior_weight: of the prior's own loss beside the denoising loss.
      prior_only: whether the prior is all that learns, by its own loss. That costs a fraction of
        an update of the whole network.
      loss: in which form errors are measured, and how they are weighed.
      hearing: compares what is heard in the predicted frames with what is heard in the real ones.
      hearing_weight: of that beside the denoising loss.
      mesh: on which state and batch lie; by default one device.
      accumulation: micro-batches into which a batch is cut, to save memory.
      remat: what the layers keep for the backward pass, to save more.

    Raises:
      ValueError: ``accumulation`` is below 1 or ``remat`` unknown.
      UserError: when called, the batch does not divide over mesh and micro-batches.
    """
    if accumulation < 1:
        raise ValueError(f"accumulation={accumulation} micro-batches; must be at least 1")
    check_remat(remat)
    # Rematerialisation is a matter of the step: the network of a bundle does not know of it.
    network = network.clone(remat=remat)
    mesh = mesh or single_device_mesh()
    drops = network.config.dropout > 0

    def update(state: TrainState, batch: JaxBatch) -> tuple[TrainState, Metrics]:
        # The size of the whole batch, of all processes: an example's draws depend on its place in
        # it.
        size, *frame_shape = batch["mel"].shape
        check_batch_size(size, mesh, accumulation)
        shardings = param_shardings(network, batch, mesh)
        # From seed and step alone: a run that is resumed draws what it would have drawn.
        key = jax.random.fold_in(jax.random.key(seed), state.step)

        def sums(piece: tuple[JaxBatch, Array]) -> tuple[PyTree, Metrics]:
            examples, index = piece
            random = draw(
                key,
                index,
                size,
                tuple(frame_shape),
                condition_drop=condition_drop,
                time_power=time_power,
            )
            noise = with_sharding_constraint(random.noise, batch_sharding(mesh))
            keep = (random.keep_score, random.keep_performance, random.keep_context)
            dropout_keys = random.dropout if drops else None

            def total(params: PyTree) -> tuple[Array, Array]:
                # What is stored in parts is put together for the computation alone; the gradients
                # go back to the parts below.
                params = with_sharding_constraint(params, gathered(shardings))
                if prior_only:
                    losses = prior_weight * _only_prior(network, params, examples, keep)
                else:
                    losses = example_losses(
                        network,
                        spec,
                        params,
                        examples,
                        random.time,
                        noise,
                        keep,
                        dropout_keys,
                        prior_weight,
                        loss,
                        hearing,
                        hearing_weight,
                    )
                # Over the size of the whole batch, so that micro-batches add up to its mean.
                return jnp.sum(losses) / size, losses

            (mean, losses), grads = jax.value_and_grad(total, has_aux=True)(state.params)
            # By rounding a time may be exactly 1.
            time_bin = jnp.minimum(jnp.int32(random.time * TIME_BINS), TIME_BINS - 1)
            bins = jax.nn.one_hot(time_bin, TIME_BINS)
            metrics = {
                "loss": mean,
                "loss_sum_by_time": losses @ bins,
                "count_by_time": jnp.sum(bins, axis=0),
            }
            return with_sharding_constraint(grads, shardings), metrics

        # Each device knows the places of its own examples, and draws for these alone.
        index = with_sharding_constraint(jnp.arange(size), batch_sharding(mesh))
        grads, metrics = sum_micro_batches(sums, (dict(batch), index), accumulation)
        # Before it is clipped: what is to be seen is what the data ask for.
        metrics["gradient_norm"] = optax.global_norm(grads)
        # With the parameters, which weight decay needs.
        updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        step = state.step + 1
        ema = update_average(state.ema, params, step, ema_decay)
        new = TrainState(step, params, ema, opt_state)
        new = with_sharding_constraint(new, state_shardings(new, shardings, mesh))
        return new, with_sharding_constraint(metrics, replicated(mesh))

    # Donated, so that the new state takes the memory of the old one.
    return jax.jit(update, donate_argnums=0)


EVAL_TIMES = (0.1, 0.3, 0.6, 0.95)
"""Diffusion times at which the loss is measured; the last, nearly pure noise, shows how far the
score is used at all."""


def make_eval_step(
    network: nn.Module,
    spec: DiffusionSpec,
    *,
    seed: int,
    mesh: Mesh | None = None,
    loss: LossConfig = PLAIN,
) -> Callable[[PyTree, JaxBatch], Float[Array, " times"]]:
    """Makes the jitted mean loss of a batch at each of ``EVAL_TIMES``.

    Noise depends on the seed and an example's index in the batch alone, dropout is off, and nothing
    is weighed, so values of different runs compare. Of ``loss`` the form counts in which errors are
    measured.
    """
    mesh = mesh or single_device_mesh()

    def evaluate(params: PyTree, batch: JaxBatch) -> Array:
        size, *frame_shape = batch["mel"].shape
        check_batch_size(size, mesh)
        shardings = gathered(param_shardings(network, batch, mesh))
        params = with_sharding_constraint(params, shardings)
        # The same for every diffusion time: what differs between them is how much of it there is.
        noise = fixed_noise(seed, size, tuple(frame_shape))
        noise = with_sharding_constraint(noise, batch_sharding(mesh))
        keep = (jnp.ones(size, bool), jnp.ones(size, bool))

        def mean_loss(time: Array) -> Array:
            times = jnp.full(size, time)
            losses = example_losses(
                network, spec, params, batch, times, noise, keep, loss=loss.plain()
            )
            return jnp.mean(losses)

        # One time after the other, so that a validation takes no more memory than a step.
        means = jax.lax.map(mean_loss, jnp.array(EVAL_TIMES))
        return with_sharding_constraint(means, replicated(mesh))

    # Nothing is donated: the same parameters are validated with the next batch, too.
    return jax.jit(evaluate)


def make_prior_eval_step(
    network: nn.Module, *, mesh: Mesh | None = None
) -> Callable[[PyTree, JaxBatch], Float[Array, " 1"]]:
    """Makes the jitted mean loss of a batch's prior, as `make_eval_step` does of the denoiser."""
    mesh = mesh or single_device_mesh()

    def evaluate(params: PyTree, batch: JaxBatch) -> Array:
        size = batch["mel"].shape[0]
        params = with_sharding_constraint(params, gathered(param_shardings(network, batch, mesh)))
        keep = (jnp.ones(size, bool), jnp.ones(size, bool))
        losses = _only_prior(network, params, batch, keep)
        return with_sharding_constraint(jnp.mean(losses)[None], replicated(mesh))

    return jax.jit(evaluate)
