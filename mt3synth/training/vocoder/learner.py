"""Makes a vocoder with its discriminators something to train."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from mt3synth.batch_protocols import BatchStream
from mt3synth.training.data import ReaderPosition
from mt3synth.training.learner import Update
from mt3synth.training.monitoring.logger import Logger
from mt3synth.training.monitoring.parameter_table import list_parameters, write_table
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.parallel.mesh import data_share
from mt3synth.training.parallel.sharding import fetch_to_host, shardings_of
from mt3synth.training.state import TrainState, make_sharded, shapes_of
from mt3synth.training.vocoder.config import VocoderTrainConfig
from mt3synth.training.vocoder.data import SoundData
from mt3synth.training.vocoder.step import DISCRIMINATORS, GENERATOR, make_update
from mt3synth.training.vocoder.validation import Validation
from mt3synth.types import Array, PyTree
from mt3synth.vocoder.discriminators import DiscriminatorConfig, Discriminators
from mt3synth.vocoder.vocos import Vocos


class VocoderLearner:
    """Makes a vocoder and its discriminators a `mt3synth.training.learner.Learner`.

    Args:
      generator: the vocoder's network.
      discriminators: shape of those that judge it.
      data: where sound comes from.
      config: how to train.
      optimizer, critics_optimizer: how the generator and the discriminators learn.
      mesh: where state and batches lie.
      validation: of the averaged parameters.

    Raises:
      ValueError: segments that are shorter than a transform of the network.
    """

    def __init__(
        self,
        generator: Vocos,
        discriminators: DiscriminatorConfig,
        data: SoundData,
        config: VocoderTrainConfig,
        optimizer: OptimizerConfig,
        critics_optimizer: OptimizerConfig,
        mesh: Mesh,
        validation: Validation,
    ) -> None:
        spec, network = generator.spec, generator.config
        if config.frames * spec.hop < network.fft:
            raise ValueError(
                f"frames={config.frames} of {spec.hop} samples; must be as long as a transform, "
                f"fft={network.fft} samples"
            )
        self._config, self._data, self._spec = config, data, spec
        self._validation, self.mesh = validation, mesh
        self.position = ReaderPosition(0, config.batch_size, config.seed, data.identity)
        # Sound has been read in one order from the beginning.
        self.former_data: tuple[str, ...] = ()
        self.segment_seconds = config.frames / spec.frame_rate
        self.dtype = "float32"
        self.headline = validation.headline
        critics = Discriminators(discriminators)
        # The generator first and by a name each: keys are split in this order.
        self._inits = {
            GENERATOR: (generator.init, jnp.zeros((1, config.frames, spec.bins))),
            DISCRIMINATORS: (critics.init, jnp.zeros((1, config.frames * spec.hop))),
        }
        self._boxed = {
            name: jax.eval_shape(init, jax.random.key(0), inputs)["params"]
            for name, (init, inputs) in self._inits.items()
        }
        self._shardings = {name: shardings_of(tree, mesh) for name, tree in self._boxed.items()}
        self._optimizers = {
            GENERATOR: optimizer.build(config.steps),
            DISCRIMINATORS: critics_optimizer.build(config.steps),
        }
        # Both programs are made here, but each is compiled when it is first called.
        update = partial(
            make_update, generator, critics, self._optimizers, config, self._shardings, mesh
        )
        self._updates = {
            adversarial: update(adversarial=adversarial) for adversarial in (False, True)
        }

    def abstract(self) -> TrainState:
        """Returns the state as shapes with their shardings."""
        known = {**self._shardings[GENERATOR], **self._shardings[DISCRIMINATORS]}
        return shapes_of(self._fresh, known, self.mesh)

    def fresh(self) -> TrainState:
        """Makes the state before the first step, on each device only what it will hold."""
        return make_sharded(self._fresh, self.abstract(), self._config.seed)

    def update_after(self, step: int) -> Update:
        """Returns the update without discriminators for the first ``adversarial_from`` updates."""
        return self._updates[step >= self._config.adversarial_from]

    def batches(self, position: ReaderPosition) -> BatchStream:
        """Opens this process's share of every batch from ``position`` on."""
        share, shares = data_share(self.mesh)
        return self._data.training(
            # A hop more than is made, for the last frame to hear how the sound goes on.
            (self._config.frames + 1) * self._spec.hop,
            self._spec.sample_rate,
            position.batch_size // shares,
            position.seed,
            position.batch,
            process_index=share,
            process_count=shares,
        )

    def summary(self, folder: Path) -> str:
        """Describes the parameters of all networks; a table of them goes into ``folder``."""
        parts = {
            name: list_parameters({name: tree}, self.mesh) for name, tree in self._boxed.items()
        }
        sizes = (f"{name} {sum(p.size for p in found):,}" for name, found in parts.items())
        line = write_table(folder, [p for found in parts.values() for p in found], self.mesh)
        return f"{line} ({', '.join(sizes)})"

    def validate(self, ema: PyTree, step: int, logger: Logger) -> None:
        """Shows distances, pictures and sound of what is held out.

        None of the distances says which weights are best: discriminators trade them for what the
        ear prefers.
        """
        weights = fetch_to_host(ema)  # Every process takes part, though only one looks.
        if logger.writer is not None:
            self._validation.run(weights, step, logger, logger.writer)

    def _fresh(self, seed: Array) -> TrainState:
        keys = jax.random.split(jax.random.key(seed))
        params: dict[str, Any] = {
            name: nn.meta.unbox(init(key, inputs))["params"]
            for key, (name, (init, inputs)) in zip(keys, self._inits.items())
        }
        return TrainState(
            step=jnp.zeros((), jnp.int32),
            params=params,
            # Of the generator alone: nobody exports its critics.
            ema=jax.tree.map(jnp.copy, params[GENERATOR]),
            opt_state={name: o.init(params[name]) for name, o in self._optimizers.items()},
        )
