"""Checkpoints of a run, by orbax."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import jax

from mt3synth.training.state import TrainState

if TYPE_CHECKING:
    import orbax.checkpoint as ocp


FOLDER = "checkpoints"
"""Where in the folder of a run they lie."""


class Checkpoints:
    """The newest few states of a run, saved in the background under ``folder``/checkpoints."""

    def __init__(self, folder: Path, keep: int = 2) -> None:
        import orbax.checkpoint as ocp

        self._args = ocp.args
        self._manager: ocp.CheckpointManager = ocp.CheckpointManager(
            (folder / FOLDER).absolute(),
            options=ocp.CheckpointManagerOptions(max_to_keep=keep),
        )

    def latest(self) -> int | None:
        """The last step saved whole, or None."""
        return self._manager.latest_step()

    def save(self, state: TrainState) -> None:
        """Begins to save ``state``; returns before it is on disk."""
        step = int(state.step)
        if step != self.latest():
            self._manager.save(step, args=self._args.StandardSave(state))

    def restore(self, like: TrainState, step: int | None = None) -> TrainState:
        """The state saved at ``step``, by default the last one.

        Args:
          like: a state of the same shapes; only its structure is used.
          step: which one.

        Raises:
          FileNotFoundError: there is none.
        """
        step = self.latest() if step is None else step
        if step is None:
            raise FileNotFoundError(f"no checkpoint in {self._manager.directory}")
        abstract = jax.eval_shape(lambda: like)
        return self._manager.restore(step, args=self._args.StandardRestore(abstract))

    def close(self) -> None:
        """Waits until everything is on disk."""
        self._manager.wait_until_finished()
        self._manager.close()
