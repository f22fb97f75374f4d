"""Loads the averaged parameters of a run without the rest of its state."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from mt3synth.errors import UserError
from mt3synth.training.checkpoints.manager import FOLDER, STATE
from mt3synth.types import PyTree


def load_averaged(folder: Path, like: PyTree, step: int | None = None) -> tuple[PyTree, int]:
    """Loads only the EMA parameters of a checkpoint, and tells the step they are of.

    Neither the optimizer nor the devices of the run need to be known. The run may be going on.

    Args:
      folder: of the run.
      like: shapes of the parameters.
      step: of the checkpoint, by default the last one.

    Raises:
      UserError: there is no such checkpoint, or it is of another network.
    """
    checkpoints = (folder / FOLDER).absolute()
    if not checkpoints.is_dir():
        raise UserError(f"{folder}: no checkpoints in this folder; give the folder of a run")
    return load_part(checkpoints, ("ema",), like, step, mismatch=f"network than {folder} says")


def load_part(
    checkpoints: Path,
    path: Sequence[str],
    like: PyTree,
    step: int | None,
    *,
    mismatch: str,
    kind: str = "checkpoint",
    prefix: str | None = None,
) -> tuple[PyTree, int]:
    """Loads a part of the state in a checkpoint of orbax, and tells the step it is of.

    Args:
      checkpoints: their folder, absolute.
      path: names under which the part lies in the state.
      like: shapes of its arrays.
      step: of the checkpoint; None for the last one.
      mismatch: what the checkpoint is of if the part is not there, for the message.
      kind: what such a checkpoint is called, for the message.
      prefix: of the checkpoints' names, before the step.

    Raises:
      UserError: there is no such checkpoint, or the part is missing or of other shapes.
    """
    import orbax.checkpoint as ocp

    # Read-only, for the run may be going on and clearing up after itself.
    options = ocp.CheckpointManagerOptions(read_only=True, step_prefix=prefix)
    with ocp.CheckpointManager(checkpoints, options=options) as manager:
        saved = sorted(manager.all_steps())
        if not saved or (step is not None and step not in saved):
            named = "" if step is None else f" of step {step}"
            listed = ", ".join(map(str, saved)) or "none yet"
            raise UserError(f"{checkpoints}: no {kind}{named}; there are: {listed}")
        step = saved[-1] if step is None else step
        # NumPy, for the devices of the run need not be here.
        as_numpy = ocp.RestoreArgs(restore_type=np.ndarray)
        restore = ocp.args.PyTreeRestore(
            item=nest(like, path),
            restore_args=nest(jax.tree.map(lambda _: as_numpy, like), path),
            partial_restore=True,
        )
        name = f"{prefix}_{step}" if prefix else str(step)
        found: Any = None
        problem = ""
        try:
            if (checkpoints / name / STATE).is_dir():
                found = manager.restore(step, args=ocp.args.Composite(**{STATE: restore}))[STATE]
            else:  # In the oldest runs the state was all of a checkpoint, and had no name.
                found = manager.restore(step, args=restore)
            for name in path:
                found = found[name]
        except (KeyError, ValueError) as error:
            problem = f": {error}"
    # orbax gives each array the shape in which it was saved, and what was never saved as it
    # was asked for.
    never_saved = problem or any(
        not isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(found)
    )
    if never_saved or jax.tree.map(np.shape, found) != jax.tree.map(np.shape, like):
        raise UserError(f"{checkpoints}: step {step} is of another {mismatch}{problem}")
    return found, step


def nest(part: PyTree, path: Sequence[str]) -> dict[str, Any]:
    """Puts a part of a state where the state has it: at ``path`` in nested dictionaries."""
    for name in reversed(path):
        part = {name: part}
    return part
