"""Writes and restores a run's checkpoints, in the background, and trusts only those that are whole.

Orbax gives a checkpoint its name when all of it is on disk, so a run that is killed leaves none
by halves; what is lost or changed later is found by the checksums that are written with each.
"""

from __future__ import annotations

import errno
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax

from mt3synth.errors import UserError
from mt3synth.training.checkpoints.checksum import compute_checksums
from mt3synth.training.parallel.distributed import holds_everywhere
from mt3synth.training.state import TrainState
from mt3synth.types import PyTree

if TYPE_CHECKING:
    import orbax.checkpoint as ocp

FOLDER = "checkpoints"
"""Folder of the checkpoints within that of a run."""
DAMAGED = "damaged"
"""Folder of those that cannot be read, which are moved there."""
STATE, RECORD = "state", "record"
"""Parts of a checkpoint: arrays, and what else a run needs to know, in JSON."""

Record = dict[str, Any]
_KEPT = 2
"""Newest checkpoints: if the last turns out to be damaged there is one before it."""


class Checkpoints:
    """Keeps the newest few states of a run, under ``folder``/checkpoints.

    All processes of a run call the same methods at the same steps.

    Args:
      folder: of the run.

    Example:
      >>> checkpoints = Checkpoints(Path("runs/mine"))
      >>> checkpoints.save(state, {"reader": {"examples": 400}})
      >>> checkpoints.close()
    """

    def __init__(self, folder: Path) -> None:
        import orbax.checkpoint as ocp

        self._args = ocp.args
        # Orbax refuses relative paths.
        self._folder = folder.absolute()
        self._saving: int | None = None
        self._remove_old()
        self._manager: ocp.CheckpointManager = ocp.CheckpointManager(
            self._folder / FOLDER,
            options=ocp.CheckpointManagerOptions(
                preservation_policy=ocp.checkpoint_managers.LatestN(_KEPT),
                # What a killed process left half written, whose name is not yet a step's.
                cleanup_tmp_directories=True,
            ),
            item_handlers={
                STATE: ocp.StandardCheckpointHandler(),
                RECORD: ocp.JsonCheckpointHandler(),
            },
        )

    def _remove_old(self) -> None:
        """Removes what a run that was killed while it removed old checkpoints has left of them."""
        import orbax.checkpoint as ocp

        checkpoints = self._folder / FOLDER
        if jax.process_index() == 0 and checkpoints.is_dir():
            for step in sorted(ocp.utils.checkpoint_steps(checkpoints))[:-_KEPT]:
                shutil.rmtree(checkpoints / str(step))
        holds_everywhere(True)  # None lists them before they are gone.

    def latest(self) -> int | None:
        """Returns the last step of which there is a checkpoint, or None."""
        return self._manager.latest_step()

    def save(self, state: TrainState, record: Record | None = None) -> None:
        """Begins to save; returns before it is on disk, but when ``state`` may be changed.

        Args:
          state: of any step but one that is saved already, which is left as it is.
          record: what else to give back at `restore`; goes into JSON.

        Raises:
          UserError: this save or the one before cannot be written.
        """
        step = int(state.step)
        with self._writing():
            # What went wrong in the save before is raised here. Two saves at once would need memory
            # for both, and the disk could be full of the first before the second says so.
            self._manager.wait_until_finished()
            if step == self.latest():
                return
            self._saving = step
            # Of the arrays on the devices and not of the files: whatever happens on the way to the
            # disk shows when they are read back.
            sums = compute_checksums(state)
            self._manager.save(
                step,
                args=self._args.Composite(
                    state=self._args.StandardSave(state),
                    record=self._args.JsonSave({"fingerprints": sums, **(record or {})}),
                ),
            )

    def restore(self, abstract: TrainState) -> tuple[TrainState, Record] | None:
        """Restores the newest state that is whole, and its record; None if there is no checkpoint.

        Those that are not are put aside with a warning.

        Args:
          abstract: shapes and shardings; those of the run that saved may have been others.

        Raises:
          UserError: the checkpoint is of another network or optimizer, or none is whole.
        """
        # The newest first: what an older one lacks is trained again, what nobody reads is lost.
        damaged: dict[int, str] = {}
        for step in sorted(self._manager.all_steps(), reverse=True):
            # All processes read the same step, or all go on to the one before.
            found, problem = self._read(step, abstract)
            if found is not None:
                if damaged:
                    self._put_aside(damaged)
                return found
            damaged[step] = problem
        if damaged:
            step, problem = max(damaged.items())
            raise UserError(
                f"{self._manager.directory}: no checkpoint can be read (step {step}: {problem}); "
                "remove them to begin anew"
            )
        return None

    def check(self) -> None:
        """Checks that what was last to be saved could be.

        Raises:
          UserError: it could not.
        """
        with self._writing():
            self._manager.check_for_errors()

    def close(self) -> None:
        """Waits until everything is on disk.

        Raises:
          UserError: it cannot be written.
        """
        with self._writing():
            self._manager.close()

    def _read(
        self, step: int, abstract: TrainState
    ) -> tuple[tuple[TrainState, Record] | None, str]:
        """Reads state and record of a step; or returns None, and what is wrong with it."""
        found: Any = None
        differing: list[str] = []
        problem = ""
        restore = self._args.Composite(
            state=self._args.StandardRestore(abstract), record=self._args.JsonRestore()
        )
        try:
            differing = self._differences(step, abstract)
            if not differing:
                found = self._manager.restore(step, args=restore)
        except Exception as error:  # Damage shows in whatever the libraries stumble over.
            problem = _in_a_line(error)
        # No damage but a mistake of the user's: an older checkpoint would not fit either, and this
        # one must not be moved away.
        if differing:
            raise UserError(
                f"{self._manager.directory}: step {step} is of another network or optimizer: "
                + "; ".join(differing[:3])
                + (f"; and {len(differing) - 3} more" if len(differing) > 3 else "")
            )
        # Processes must agree before the next collective operation, or they wait for one another
        # for ever.
        if not holds_everywhere(not problem) or found is None:
            return None, problem or "another process cannot read it"
        # A checksum needs the work of all processes, as the array is spread over them.
        sums, expected = compute_checksums(found.state), found.record.pop("fingerprints", {})
        changed = [name for name, value in sums.items() if expected.get(name) != value]
        if changed:
            return None, f"the checksum of {len(changed)} arrays is wrong, of {changed[0]} first"
        return (found.state, found.record), ""

    def _differences(self, step: int, abstract: TrainState) -> list[str]:
        """Lists the arrays whose shape is not that of the checkpoint."""
        import orbax.checkpoint as ocp

        metadata = self._manager.item_metadata(step)[STATE]
        if metadata is None:
            raise FileNotFoundError(f"it has no part {STATE!r}")
        saved = _shapes(ocp.tree.to_flat_dict(metadata.tree))
        expected = _shapes(ocp.tree.to_flat_dict(abstract))
        return [
            f"{name} {saved.get(name, 'missing')} there, {expected.get(name, 'missing')} here"
            for name in sorted(saved.keys() | expected.keys())
            if saved.get(name) != expected.get(name)
        ]

    def _put_aside(self, damaged: dict[int, str]) -> None:
        """Moves checkpoints out of the way of new ones of the same steps."""
        if jax.process_index() == 0:
            for step, problem in sorted(damaged.items()):
                # Kept and not deleted, for somebody may want to know what happened to it.
                target = self._folder / DAMAGED / str(step)
                while target.exists():
                    target = target.with_name(f"{target.name}_")
                target.parent.mkdir(exist_ok=True)
                (self._folder / FOLDER / str(step)).rename(target)
                warnings.warn(
                    f"checkpoint of step {step} is damaged and not used, it is now in {target}: "
                    f"{problem}",
                    stacklevel=3,
                )
        holds_everywhere(True)  # The others must not look before the folders are moved.
        # The manager has listed what has just been moved.
        self._manager.reload()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turns what goes wrong while writing into a `UserError` that says which step is kept."""
        try:
            yield
        except Exception as error:
            import orbax.checkpoint as ocp

            # Looked up on the disk: the manager may believe in a save that has just failed.
            kept = max(ocp.utils.checkpoint_steps(self._folder / FOLDER), default=None)
            raise UserError(
                f"{self._manager.directory}: step {self._saving} cannot be saved: "
                f"{_in_a_line(error)}; "
                + ("nothing is saved yet" if kept is None else f"step {kept} is kept")
            ) from error


def _shapes(arrays: dict[tuple[str, ...], PyTree]) -> dict[str, list[int]]:
    return {"/".join(path): list(array.shape) for path, array in arrays.items()}


def _in_a_line(error: Exception) -> str:
    """Cuts an error's message to one line; tensorstore's are pages long."""
    text = " ".join(str(error).split())
    if "No space left" in text or getattr(error, "errno", None) == errno.ENOSPC:
        return "no space left on the disk"
    return f"{type(error).__name__}: {text[:200]}"
