"""Declares what the training loop trains: whatever batches can update and somebody can judge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, runtime_checkable

from jax.sharding import Mesh

from mt3synth.batch_protocols import BatchStream
from mt3synth.training.data import ReaderPosition
from mt3synth.training.monitoring.logger import Logger
from mt3synth.training.state import Metrics, TrainState
from mt3synth.types import JaxBatch, PyTree

Update = Callable[[TrainState, JaxBatch], tuple[TrainState, Metrics]]


@runtime_checkable
class Learner(Protocol):
    """Declares a model with its data, on a mesh; its training state is handed in and out.

    `mt3synth.training.loop.fit` trains one. It never looks into the state but for its step, so a
    learner decides alone what its parameters are and how they are updated.

    Attributes:
      mesh: where state and batches lie.
      position: of the reader before the first batch.
      former_data: identities that the same data had in another order.
      segment_seconds: length of a segment.
      dtype: of the activations, "bfloat16" or "float32".
      headline: what is validated, in one line.
    """

    mesh: Mesh
    position: ReaderPosition
    former_data: tuple[str, ...]
    segment_seconds: float
    dtype: str
    # Attributes and no methods: all of it is known when a learner is made.
    headline: str

    def abstract(self) -> TrainState:
        """Returns the state as shapes with their shardings."""
        ...

    def fresh(self) -> TrainState:
        """Makes the state before the first step."""
        ...

    def update_after(self, step: int) -> Update:
        """Returns the update of a state that ``step`` updates have made.

        It gives the next state and metrics, "loss" and "gradient_norm" among them. It is jitted,
        and the state that is handed in is used up. The function stays the same while it can, for
        the loop measures its speed anew whenever it is another.
        """
        ...

    def batches(self, position: ReaderPosition) -> BatchStream:
        """Opens this process's share of every batch from ``position`` on."""
        ...

    def summary(self, folder: Path) -> str:
        """Describes what is trained in one line; a table of it goes into the folder of the run."""
        ...

    def validate(self, ema: PyTree, step: int, logger: Logger) -> float | None:
        """Shows what the averaged parameters can do after ``step`` updates.

        Returns the loss by which they compare with those of other steps, the same in every process;
        None if there is none.
        """
        ...
