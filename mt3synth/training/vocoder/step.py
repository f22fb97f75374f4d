"""Makes one update of a vocoder and of its discriminators."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.lax import with_sharding_constraint
from jax.sharding import Mesh

from mt3synth.training.learner import Update
from mt3synth.training.parallel.mesh import check_batch_size, replicated
from mt3synth.training.parallel.sharding import gathered, state_shardings
from mt3synth.training.state import Metrics, TrainState, update_average
from mt3synth.training.vocoder.config import VocoderTrainConfig
from mt3synth.types import Array, Float, JaxBatch, PyTree
from mt3synth.vocoder.discriminators import Discriminators
from mt3synth.vocoder.jax_mel import log_mel
from mt3synth.vocoder.losses import (
    discriminator_loss,
    feature_matching,
    generator_loss,
    level_distance,
    spectral_losses,
)
from mt3synth.vocoder.vocos import Vocos

GENERATOR, DISCRIMINATORS = PARTS = ("generator", "discriminators")
"""Parts of the parameters and of the optimizers' state; the average is of the generator alone."""


def make_update(
    generator: Vocos,
    discriminators: Discriminators,
    optimizers: dict[str, optax.GradientTransformation],
    config: VocoderTrainConfig,
    shardings: dict[str, PyTree],
    mesh: Mesh,
    *,
    adversarial: bool,
) -> Update:
    """Makes the jitted update of both, each by the other's parameters before it.

    The metrics are means over the batch: ``loss``, the weighted sum that the
    generator learns by; ``gradient_norm`` of it; each of its parts; ``discriminators``, what they
    learn by.

    Args:
      generator, discriminators: the networks.
      optimizers: of both, by the names in ``PARTS``.
      config: how to train.
      shardings: `NamedSharding` of each parameter of both, by the names in ``PARTS``.
      mesh: on which state and batch lie.
      adversarial: whether discriminators take part; without them they stay as they are. Two
        programs, for XLA on a CPU is many times slower at convolutions within a condition.
    """
    spec = generator.spec

    def generators_loss(
        params: PyTree, critics: PyTree | None, mel: Array, real: Array
    ) -> tuple[Array, tuple[Array, dict[str, Array]]]:
        """Computes the loss of the generator; by spectra alone if there are no critics."""
        params = with_sharding_constraint(params, gathered(shardings[GENERATOR]))
        output: Any = generator.apply({"params": params}, mel, method="render_unprojected")
        made, level = output
        # Over the batch only here: losses give a number for each example.
        losses = {name: jnp.mean(loss) for name, loss in spectral_losses(made, real, spec).items()}
        losses["level"] = jnp.mean(level_distance(level, real, spec))
        if critics is None:
            # Zeros, so that both programs give the same metrics, which a log line averages over.
            losses |= {"adversarial": jnp.zeros(()), "matching": jnp.zeros(())}
        else:
            # Real sound as well: its activations are what the generated one's are compared with.
            of_real, of_made = (judged(critics, audio) for audio in (real, made))
            losses["adversarial"] = jnp.mean(generator_loss([f[-1] for f in of_made]))
            losses["matching"] = jnp.mean(feature_matching(of_real, of_made))
        # By name, so that a loss without a weight is an error and not left out.
        weighted = [getattr(config.weights, name) * loss for name, loss in losses.items()]
        return sum(weighted, jnp.zeros(())), (made, losses)

    def judged(critics: PyTree, audio: Float[Array, "B S"]) -> Any:
        critics = with_sharding_constraint(critics, gathered(shardings[DISCRIMINATORS]))
        return discriminators.apply({"params": critics}, audio)

    def critics_loss(critics: PyTree, real: Array, made: Array) -> Array:
        of_real, of_made = (judged(critics, audio) for audio in (real, made))
        scores = [f[-1] for f in of_real], [f[-1] for f in of_made]
        return jnp.mean(discriminator_loss(*scores))

    learn = jax.value_and_grad(generators_loss, has_aux=True)

    def alone(state: TrainState, mel: Array, real: Array) -> tuple[Any, ...]:
        (loss, (_, losses)), grads = learn(state.params[GENERATOR], None, mel, real)
        # Handed on as they are, so that the state has one form before and after they join.
        parts = state.params[DISCRIMINATORS], state.opt_state[DISCRIMINATORS]
        return grads, *parts, {"loss": loss, **losses, "discriminators": jnp.zeros(())}

    def with_critics(state: TrainState, mel: Array, real: Array) -> tuple[Any, ...]:
        critics = state.params[DISCRIMINATORS]
        (loss, (made, losses)), grads = learn(state.params[GENERATOR], critics, mel, real)
        # The sound that the generator made for its own loss serves the critics too, so that it is
        # made once in a step; they must not send it a gradient.
        made = jax.lax.stop_gradient(made)
        critics_value, critics_grads = jax.value_and_grad(critics_loss)(critics, real, made)
        # To the parts at once, so that no device holds all gradients whole.
        critics_grads = with_sharding_constraint(critics_grads, shardings[DISCRIMINATORS])
        # The learning rate of both falls at the end of the run, whenever the critics joined it.
        before = optax.tree_utils.tree_set(state.opt_state[DISCRIMINATORS], updates=state.step)
        updates, opt_state = optimizers[DISCRIMINATORS].update(critics_grads, before, critics)
        metrics = {"loss": loss, **losses, "discriminators": critics_value}
        return grads, optax.apply_updates(critics, updates), opt_state, metrics

    def update(state: TrainState, batch: JaxBatch) -> tuple[TrainState, Metrics]:
        audio = batch["audio"]
        check_batch_size(len(audio), mesh)
        # The last hop is there for the last frame to hear how the sound goes on.
        real, mel = audio[:, : -spec.hop], log_mel(audio, spec)[:, :-1]
        learn_all = with_critics if adversarial else alone
        grads, critics, critics_state, metrics = learn_all(state, mel, real)
        grads = with_sharding_constraint(grads, shardings[GENERATOR])
        metrics["gradient_norm"] = optax.global_norm(grads)
        old = state.params[GENERATOR]
        updates, opt_state = optimizers[GENERATOR].update(grads, state.opt_state[GENERATOR], old)
        params = optax.apply_updates(old, updates)
        step = state.step + 1
        new = TrainState(
            step,
            {GENERATOR: params, DISCRIMINATORS: critics},
            update_average(state.ema, params, step, config.ema_decay),
            {GENERATOR: opt_state, DISCRIMINATORS: critics_state},
        )
        known = {**shardings[GENERATOR], **shardings[DISCRIMINATORS]}
        new = with_sharding_constraint(new, state_shardings(new, known, mesh))
        return new, with_sharding_constraint(metrics, replicated(mesh))

    return jax.jit(update, donate_argnums=0)
