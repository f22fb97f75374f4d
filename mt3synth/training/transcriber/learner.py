"""A transcriber of mel frames as something that the training loop can train."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.lax import with_sharding_constraint
from jax.sharding import Mesh

from mt3synth.batch_protocols import BatchStream, TrainingData
from mt3synth.model_spec import ModelSpec
from mt3synth.models.mel_transcriber import Heard, MelTranscriber, should_hear
from mt3synth.training.data import ReaderPosition, open_batches, start_position, trim_padding
from mt3synth.training.learner import Update
from mt3synth.training.monitoring.logger import Logger
from mt3synth.training.monitoring.parameter_table import list_parameters, write_table
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.parallel.mesh import replicated
from mt3synth.training.parallel.sharding import fetch_to_host, shardings_of, state_shardings
from mt3synth.training.state import (
    Metrics,
    TrainState,
    init_state,
    make_sharded,
    shapes_of,
    update_average,
)
from mt3synth.training.transcriber.config import TranscriberTrainConfig
from mt3synth.training.transcriber.scores import Score, count_onsets
from mt3synth.types import Array, Batch, Float, JaxBatch, PyTree


class TranscriberLearner:
    """A transcriber of mel frames as a `mt3synth.training.learner.Learner`.

    Args:
      network: what learns.
      spec: a model that reads a list of notes, as batches are to be made for one.
      data: where batches come from.
      config: how to train.
      optimizer: how the network learns.
      mesh: where state and batches lie.
    """

    def __init__(
        self,
        network: MelTranscriber,
        spec: ModelSpec,
        data: TrainingData,
        config: TranscriberTrainConfig,
        optimizer: OptimizerConfig,
        mesh: Mesh,
    ) -> None:
        self._network, self._spec, self._data, self._config = network, spec, data, config
        self.mesh = mesh
        self.position = start_position(data, config.batch_size, config.seed)
        self.former_data: tuple[str, ...] = getattr(data, "former_identities", ())
        self.segment_seconds = spec.segment_frames / spec.mel.frame_rate
        self.dtype = "float32"
        held_out = data.validation(spec, config.batch_size)
        self._held_out: list[Batch] = [
            trim_padding(batch) for batch in islice(held_out, config.eval_batches)
        ]
        segments = sum(len(batch["mel"]) for batch in self._held_out)
        self.headline = f"validation on {segments} segments" if segments else "nothing is held out"
        mel = jax.ShapeDtypeStruct((1, spec.segment_frames, spec.mel.bins), jnp.float32)
        self._boxed = jax.eval_shape(network.init, jax.random.key(0), mel)["params"]
        self._shardings = shardings_of(self._boxed, mesh)
        self._optimizer = optimizer.build(config.steps)
        self._update = self._make_update()
        self._hear = jax.jit(lambda params, mel: network.apply({"params": params}, mel))

    def abstract(self) -> TrainState:
        """Returns the state as shapes with their shardings."""
        return shapes_of(self._fresh, self._shardings, self.mesh)

    def fresh(self) -> TrainState:
        """Makes the state before the first step."""
        return make_sharded(self._fresh, self.abstract(), self._config.seed)

    def update_after(self, step: int) -> Update:
        """Returns the update, the same at every step."""
        del step
        return self._update

    def batches(self, position: ReaderPosition) -> BatchStream:
        """Opens this process's share of every batch from ``position`` on."""
        return open_batches(self._data, self._spec, position, self.mesh)

    def summary(self, folder: Path) -> str:
        """Describes the parameters in one line; a table of them goes into ``folder``."""
        return write_table(folder, list_parameters(self._boxed, self.mesh), self.mesh)

    def validate(self, ema: PyTree, step: int, logger: Logger) -> float | None:
        """Counts the onsets that are heard in held-out frames; the loss is 1 - F1."""
        weights = fetch_to_host(ema)  # Every process takes part, though each hears all.
        if not self._held_out:
            return None
        found = sum((self._score(weights, batch) for batch in self._held_out), Score(0, 0, 0))
        scalars = {"f1": found.f1, "precision": found.precision, "recall": found.recall}
        logger.scalars({f"validation/onsets_{name}": x for name, x in scalars.items()}, step)
        shown = ", ".join(f"{name} {value:.3f}" for name, value in scalars.items())
        logger.info(f"step {step}: onsets heard in held-out frames: {shown}")
        return 1 - found.f1

    def _score(self, weights: PyTree, batch: Batch) -> Score:
        heard: Any = self._hear(weights, batch["mel"])
        real = self._wanted(batch)
        return count_onsets(np.asarray(jax.nn.sigmoid(heard.onsets)), np.asarray(real.onsets))

    def _wanted(self, batch: JaxBatch) -> Heard:
        spec = self._spec
        hops = spec.mel.window / spec.mel.hop
        return should_hear(
            jnp.asarray(batch["notes"]), batch["mel"].shape[1], hops, len(spec.roll.groups)
        )

    def _fresh(self, seed: Array) -> TrainState:
        mel = jnp.zeros((1, self._spec.segment_frames, self._spec.mel.bins))
        variables = self._network.init(jax.random.key(seed), mel)
        return init_state(nn.meta.unbox(variables)["params"], self._optimizer)

    def _make_update(self) -> Update:
        config, network = self._config, self._network

        def losses(params: PyTree, mel: Array, wanted: Heard) -> Float[Array, ""]:
            heard: Any = network.apply({"params": params}, mel)
            onsets = optax.sigmoid_binary_cross_entropy(heard.onsets, wanted.onsets)
            onsets *= 1 + (config.onset_weight - 1) * wanted.onsets
            frames = optax.sigmoid_binary_cross_entropy(heard.frames, wanted.frames)
            # Summed over keys, of which a few count in a frame whatever their number is.
            return jnp.mean(jnp.sum(onsets + frames, axis=-1))

        def update(state: TrainState, batch: JaxBatch) -> tuple[TrainState, Metrics]:
            mel = batch["mel"].astype(jnp.float32)
            key = jax.random.fold_in(jax.random.key(config.seed), state.step)
            key_amount, key_noise = jax.random.split(key)
            # None for some, a little for others.
            amount = config.noise * jax.random.uniform(key_amount, (len(mel), 1, 1))
            mel += amount * jax.random.normal(key_noise, mel.shape)
            loss, grads = jax.value_and_grad(losses)(state.params, mel, self._wanted(batch))
            updates, opt_state = self._optimizer.update(grads, state.opt_state, state.params)
            params = optax.apply_updates(state.params, updates)
            step = state.step + 1
            ema = update_average(state.ema, params, step, config.ema_decay)
            new = TrainState(step, params, ema, opt_state)
            new = with_sharding_constraint(new, state_shardings(new, self._shardings, self.mesh))
            metrics = {"loss": loss, "gradient_norm": optax.global_norm(grads)}
            return new, with_sharding_constraint(metrics, replicated(self.mesh))

        return jax.jit(update, donate_argnums=0)
