"""What the training loop trains: anything that can be updated by batches and examined."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, runtime_checkable

from jax.sharding import Mesh

from mt3synth.batch_protocols import BatchStream
from mt3synth.training.data import ReaderPosition
from mt3synth.training.monitoring.logger import Board
from mt3synth.training.state import Metrics, TrainState
from mt3synth.types import JaxBatch, PyTree

Update = Callable[[TrainState, JaxBatch], tuple[TrainState, Metrics]]


@runtime_checkable
class Pace(Protocol):
    """How long a run is, and how often it saves and shows something; counts of updates."""

    @property
    def steps(self) -> int:
        """In all; a run that is resumed goes on to this number."""
        ...

    @property
    def batch_size(self) -> int:
        """Segments in an update, of all processes together."""
        ...

    @property
    def log_every(self) -> int:
        """Between two scalars."""
        ...

    @property
    def eval_every(self) -> int:
        """Between two examinations."""
        ...

    @property
    def save_every(self) -> int:
        """Between two checkpoints."""
        ...


@runtime_checkable
class Learner(Protocol):
    """A model with its data, on a mesh; the state of its training is handed in and out.

    Attributes:
      mesh: where state and batches lie.
      position: of the reader before the first batch.
      former_data: identities that the same data had in another order.
      segment_seconds: length of a segment.
      dtype: of the activations, "bfloat16" or "float32".
      headline: what is examined, in one line.
    """

    mesh: Mesh
    position: ReaderPosition
    former_data: tuple[str, ...]
    segment_seconds: float
    dtype: str
    headline: str

    def abstract(self) -> TrainState:
        """The state as shapes with their shardings."""
        ...

    def fresh(self) -> TrainState:
        """The state before the first step."""
        ...

    def update_after(self, step: int) -> Update:
        """The update of a state that ``step`` updates have made; the same function while it can be.

        It gives the next state and metrics, "loss" and "gradient_norm" among them. It is jitted,
        and the state that is handed in is used up.
        """
        ...

    def batches(self, position: ReaderPosition) -> BatchStream:
        """This process's share of every batch from ``position`` on."""
        ...

    def summary(self, folder: Path) -> str:
        """What is trained, in one line; a table of it goes into the folder of the run."""
        ...

    def examine(self, ema: PyTree, step: int, board: Board) -> None:
        """Shows what the averaged parameters can do after ``step`` updates."""
        ...
