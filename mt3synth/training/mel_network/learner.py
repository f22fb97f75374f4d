"""A small network of mel frames as something that the training loop can train."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax.lax import with_sharding_constraint
from jax.sharding import Mesh

from mt3synth.batch_protocols import BatchStream, TrainingData
from mt3synth.model_spec import ModelSpec
from mt3synth.training.data import ReaderPosition, open_batches, start_position, trim_padding
from mt3synth.training.learner import Update
from mt3synth.training.mel_network.config import MelNetworkTrainConfig
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
from mt3synth.types import Array, Batch, Float, JaxBatch, PyTree

Config = TypeVar("Config", bound=MelNetworkTrainConfig)


class MelNetworkLearner(ABC, Generic[Config]):
    """That part of a `mt3synth.training.learner.Learner` which all networks of mel frames share.

    Args:
      network: what learns.
      spec: a model that reads a list of notes, as batches are to be made for one.
      data: where batches come from.
      config: how to train.
      optimizer: how the network learns.
      mesh: where state and batches lie.

    Attributes:
      network, spec, config: as they were given.
      apply: the network with parameters and frames, compiled.
      held_out: batches to be validated on; none if nothing is held out.
    """

    def __init__(
        self,
        network: nn.Module,
        spec: ModelSpec,
        data: TrainingData,
        config: Config,
        optimizer: OptimizerConfig,
        mesh: Mesh,
    ) -> None:
        self.network, self.config, self._data = network, config, data
        self.spec, self.mesh = spec, mesh
        self.apply = jax.jit(lambda params, mel: network.apply({"params": params}, mel))
        self.position = start_position(data, config.batch_size, config.seed)
        self.former_data: tuple[str, ...] = getattr(data, "former_identities", ())
        self.segment_seconds = spec.segment_frames / spec.mel.frame_rate
        self.dtype = "float32"
        held_out = data.validation(spec, config.batch_size)
        self.held_out: list[Batch] = [
            trim_padding(batch) for batch in islice(held_out, config.eval_batches)
        ]
        segments = sum(len(batch["mel"]) for batch in self.held_out)
        self.headline = f"validation on {segments} segments" if segments else "nothing is held out"
        mel = jax.ShapeDtypeStruct((1, spec.segment_frames, spec.mel.bins), jnp.float32)
        self._boxed = jax.eval_shape(network.init, jax.random.key(0), mel)["params"]
        self._shardings = shardings_of(self._boxed, mesh)
        self._optimizer = optimizer.build(config.steps)
        self._update = self._make_update()

    @abstractmethod
    def loss(self, params: PyTree, batch: JaxBatch, key: Array) -> Float[Array, ""]:
        """Computes what is to be made least, of a batch whose frames are float32."""

    @abstractmethod
    def measure(self, weights: PyTree, step: int, logger: Logger) -> float:
        """Logs how well weights do on what is held out; returns what is best when it is least."""

    def abstract(self) -> TrainState:
        """Returns the state as shapes with their shardings."""
        return shapes_of(self._fresh, self._shardings, self.mesh)

    def fresh(self) -> TrainState:
        """Makes the state before the first step."""
        return make_sharded(self._fresh, self.abstract(), self.config.seed)

    def update_after(self, step: int) -> Update:
        """Returns the update, the same at every step."""
        del step
        return self._update

    def batches(self, position: ReaderPosition) -> BatchStream:
        """Opens this process's share of every batch from ``position`` on."""
        return open_batches(self._data, self.spec, position, self.mesh)

    def summary(self, folder: Path) -> str:
        """Describes the parameters in one line; a table of them goes into ``folder``."""
        return write_table(folder, list_parameters(self._boxed, self.mesh), self.mesh)

    def validate(self, ema: PyTree, step: int, logger: Logger) -> float | None:
        """Measures the average; None if nothing is held out."""
        weights = fetch_to_host(ema)  # Every process takes part, though each measures all.
        return self.measure(weights, step, logger) if self.held_out else None

    def _fresh(self, seed: Array) -> TrainState:
        mel = jnp.zeros((1, self.spec.segment_frames, self.spec.mel.bins))
        variables = self.network.init(jax.random.key(seed), mel)
        return init_state(nn.meta.unbox(variables)["params"], self._optimizer)

    def _make_update(self) -> Update:
        config = self.config

        def update(state: TrainState, batch: JaxBatch) -> tuple[TrainState, Metrics]:
            key = jax.random.fold_in(jax.random.key(config.seed), state.step)
            batch = {**batch, "mel": batch["mel"].astype(jnp.float32)}
            loss, grads = jax.value_and_grad(self.loss)(state.params, batch, key)
            updates, opt_state = self._optimizer.update(grads, state.opt_state, state.params)
            params = optax.apply_updates(state.params, updates)
            step = state.step + 1
            ema = update_average(state.ema, params, step, config.ema_decay)
            new = TrainState(step, params, ema, opt_state)
            new = with_sharding_constraint(new, state_shardings(new, self._shardings, self.mesh))
            metrics = {"loss": loss, "gradient_norm": optax.global_norm(grads)}
            return new, with_sharding_constraint(metrics, replicated(self.mesh))

        return jax.jit(update, donate_argnums=0)
