"""What all that learn from segments of music by diffusion are to the training loop."""

from __future__ import annotations

from pathlib import Path

import flax.linen as nn
import optax
from jax.sharding import Mesh

from mt3synth.batch_protocols import BatchStream, TrainingData
from mt3synth.model_spec import ModelSpec
from mt3synth.training.data import ReaderPosition, open_batches
from mt3synth.training.monitoring.parameter_table import list_parameters, write_table
from mt3synth.training.parallel.sharding import boxed_params
from mt3synth.training.state import TrainState, abstract_state, init_state_sharded
from mt3synth.types import JaxBatch, PyTree


class SegmentLearner:
    """That part of a `mt3synth.training.learner.Learner` which does not depend on what is learned.

    Args:
      spec: the model.
      network: what is trained of it.
      data: where batches come from.
      optimizer: of the parameters.
      mesh: where state and batches lie.
      position: of the reader before the first batch.
      example: any batch, for the shapes of its features.
      seed: of parameters that are made.
      params: parameters to begin with instead of fresh ones.

    Attributes:
      optimizer: as it was given.
      mesh, position, former_data, segment_seconds, dtype: as the protocol has them.
    """

    def __init__(
        self,
        spec: ModelSpec,
        network: nn.Module,
        data: TrainingData,
        optimizer: optax.GradientTransformation,
        mesh: Mesh,
        position: ReaderPosition,
        example: JaxBatch,
        seed: int,
        params: PyTree | None,
    ) -> None:
        self._spec, self._network, self._data, self._seed = spec, network, data, seed
        self._example, self._params = example, params
        self.optimizer, self.mesh, self.position = optimizer, mesh, position
        self.former_data: tuple[str, ...] = getattr(data, "former_identities", ())
        self.segment_seconds = spec.segment_frames / spec.mel.frame_rate
        self.dtype: str = spec.network.dtype

    def abstract(self) -> TrainState:
        """Returns the state as shapes with their shardings."""
        return abstract_state(self._network, self._example, self.optimizer, self.mesh)

    def fresh(self) -> TrainState:
        """Makes the state before the first step."""
        return init_state_sharded(
            self._network, self._example, self.optimizer, self.mesh, self._seed, self._params
        )

    def batches(self, position: ReaderPosition) -> BatchStream:
        """Opens this process's share of every batch from ``position`` on."""
        return open_batches(self._data, self._spec, position, self.mesh)

    def summary(self, folder: Path) -> str:
        """Describes parameters and mesh in one line; their table goes into ``folder``."""
        boxed = boxed_params(self._network, self._example)
        return write_table(folder, list_parameters(boxed, self.mesh), self.mesh)
