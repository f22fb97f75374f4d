"""Opens the batches of a run, and tells how far it has read."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass

import jax
import numpy as np
from jax.sharding import Mesh

from mt3synth.batch_protocols import BatchStream, TrainingData
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.symbolic.note_list import COLUMNS, round_up
from mt3synth.training.parallel.mesh import data_share
from mt3synth.types import Batch


@dataclass(frozen=True)
class ReaderPosition:
    """How far a run has read, and in which order.

    Attributes:
      examples: read so far, by all processes together.
      batch_size: examples in a batch of all processes together.
      seed: of the order.
      data: identity of the data, "" if they have none.

    Example:
      >>> ReaderPosition(examples=24, batch_size=4, seed=0, data="").batch
      6
    """

    examples: int
    batch_size: int
    seed: int
    data: str

    @property
    def batch(self) -> int:
        """The number of the next batch."""
        return self.examples // self.batch_size

    def advance(self, batches: int) -> ReaderPosition:
        """Returns the position so many batches later."""
        return dataclasses.replace(self, examples=self.examples + batches * self.batch_size)

    def resume(self, now: ReaderPosition, former: Collection[str] = ()) -> ReaderPosition:
        """Returns the position from which a resumed run reads on.

        With another batch size it is the first boundary of a batch from which on nothing has been
        read: some examples are left out, and none is seen twice.

        Args:
          now: what the run is told to read this time; its ``examples`` do not matter.
          former: identities that the same data had in another order.

        Raises:
          UserError: another order or other data.
        """
        if now.seed != self.seed:
            raise UserError(
                f"seed={now.seed}, but the run was begun with seed={self.seed}, which gives its "
                "data their order; use that one, or another folder"
            )
        if now.data != self.data and self.data not in former:
            raise UserError(
                f"the run was begun with other data (identity {self.data!r}, now {now.data!r}); "
                "use those, or another folder"
            )
        # Rounded up: the rest of a batch that was read in part is passed over.
        batches = -(-self.examples // now.batch_size)
        return dataclasses.replace(now, examples=batches * now.batch_size)


def start_position(data: TrainingData, batch_size: int, seed: int) -> ReaderPosition:
    """Returns the position before the first batch."""
    # A data set of one's own need not have an identity; then nothing can be compared.
    return ReaderPosition(0, batch_size, seed, str(getattr(data, "identity", "")))


def open_batches(
    data: TrainingData, spec: ModelSpec, position: ReaderPosition, mesh: Mesh
) -> BatchStream:
    """Opens this process's share of every batch from ``position`` on."""
    # By the mesh and not by the number of processes: those that split layers read the same
    # examples.
    share, shares = data_share(mesh)
    return data.training(
        spec,
        position.batch_size // shares,
        position.seed,
        position.batch,
        process_index=share,
        process_count=shares,
    )


def read_first_batch(
    data: TrainingData, spec: ModelSpec, position: ReaderPosition, mesh: Mesh
) -> Batch:
    """Reads the batch at ``position``, this process's share of it."""
    # Closed at once, or its thread would read ahead beside that of the run.
    with closing(open_batches(data, spec, position, mesh)) as batches:
        return next(batches)


LITTLE_S = 60.0
"""Of training audio: with less, a model hardly learns how a performance sounds."""


def training_seconds(data: TrainingData) -> dict[str, float]:
    """Returns the seconds of training audio by name of the performance, if the data tell.

    Raises:
      UserError: they cannot be read.
    """
    # Not part of the protocol: a data set of one's own may not know.
    seconds = getattr(data, "training_seconds", None)
    return {} if seconds is None else {p["name"]: s for p, s in zip(data.performances, seconds)}


def check_all_heard(data: TrainingData) -> None:
    """Checks that there is something to train on for each performance.

    Raises:
      UserError: all of a performance is held out.
    """
    for name, seconds in training_seconds(data).items():
        # Said before the first step, for the model would be told of a sound that it never hears.
        if not seconds:
            raise UserError(
                f"performance {name!r} has no training audio, all of it is held out; prepare the "
                "data again, or train all the same with --allow-untrained"
            )


def describe_little(data: TrainingData) -> str:
    """Names the performances with less than a minute to train on; "" if there are none."""
    little = [
        f"{name!r} {seconds:.0f} s"
        for name, seconds in training_seconds(data).items()
        if seconds < LITTLE_S
    ]
    return f"performances with less than a minute to train on: {', '.join(little)}" * bool(little)


TOKEN_MULTIPLE = 256
"""Batches of tokens are as long as their longest segment, rounded up to this, so that a step is
compiled for a few lengths only."""


def trim_padding(batch: Batch) -> Batch:
    """Cuts off the padding that all segments of a batch share.

    This changes no prediction, for padding is masked; but attention to 1536 tokens costs several
    times that to the 300 of an ordinary segment. Processes that train together must agree on
    shapes without seeing each other's segments, so with several nothing is taken off (and where
    attention weights are dropped, chance falls otherwise than with one).
    """
    if jax.process_count() > 1:
        return batch
    lengths: dict[str, int] = {}
    if "tokens" in batch:
        # Zero pads.
        longest = _count_used(batch["tokens"] != 0)
        length = -(-longest // TOKEN_MULTIPLE) * TOKEN_MULTIPLE
        lengths |= dict.fromkeys(("tokens", "token_times"), length)
    if "notes" in batch:
        instrument = batch["notes"][:, :, COLUMNS.index("instrument")]
        # By doublings, as rendering does, so that both compile for a handful of lengths.
        lengths["notes"] = round_up(_count_used(instrument >= 0))
    if not lengths:
        return batch
    return {
        name: value[:, : lengths[name]] if name in lengths else value
        for name, value in batch.items()
    }


def _count_used(used: np.ndarray) -> int:
    """Counts the columns up to the last that holds anything in any row, at least one."""
    columns = np.flatnonzero(used.any(axis=0))
    return 1 + int(columns[-1]) if len(columns) else 1
