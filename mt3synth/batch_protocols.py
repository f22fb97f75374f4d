"""Defines what training asks of whatever hands it batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, runtime_checkable

from mt3synth.model_spec import ModelSpec
from mt3synth.types import Batch


@runtime_checkable
class BatchStream(Iterator[Batch], Protocol):
    """Batches from a source that can be closed, such as a generator."""

    def close(self) -> None:
        """Closes files and ends threads."""
        ...


@runtime_checkable
class TrainingData(Protocol):
    """Where batches come from; see `mt3synth.types` for their shapes.

    The order of the batches is fixed, so the number of a batch says all about where a reader is,
    and a run resumes with the very batch that it would have read next. Data may have an attribute
    ``identity``, a string that is another for other data: a run that was begun with it then goes
    on with these data only. An attribute ``former_identities`` holds those that the same data had
    while an earlier version read them in another order: a run that was begun then goes on, and
    says so. What else data may tell of themselves: ``training_seconds``, the seconds of training
    audio of each performance; ``training_groups(roll)``, for how many seconds each instrument group
    of a `mt3synth.symbolic.roll.RollSpec` sounds in each; ``sources``, what they are made of and
    under which licences, as a prepared folder's ``corpus.json`` says it.

    Attributes:
      performances: name and description of each, in the order of their indices.
    """

    performances: list[dict[str, Any]]

    def training(
        self,
        spec: ModelSpec,
        batch: int,
        seed: int,
        start: int,
        *,
        process_index: int = 0,
        process_count: int = 1,
    ) -> BatchStream:
        """Opens batches without end, beginning with number ``start``.

        Args:
          spec: the model.
          batch: segments in a batch of one process.
          seed: of the order.
          start: batches to pass over, without reading them if possible.
          process_index: whose share of every batch to read.
          process_count: shares of a batch.
        """
        ...

    def validation(self, spec: ModelSpec, batch: int) -> Iterable[Batch]:
        """Opens batches in a fixed order, with an end; none if nothing is held out."""
        ...
