"""Loads the averaged parameters of a run without the rest of its state."""

from __future__ import annotations

from pathlib import Path

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
    import orbax.checkpoint as ocp

    checkpoints = (folder / FOLDER).absolute()
    if not checkpoints.is_dir():
        raise UserError(f"{folder}: no checkpoints in this folder; give the folder of a run")
    options = ocp.CheckpointManagerOptions(read_only=True)
    with ocp.CheckpointManager(checkpoints, options=options) as manager:
        saved = sorted(manager.all_steps())
        if not saved or (step is not None and step not in saved):
            named = "" if step is None else f" of step {step}"
            listed = ", ".join(map(str, saved)) or "none yet"
            raise UserError(f"{checkpoints}: no checkpoint{named}; there are: {listed}")
        step = saved[-1] if step is None else step
        as_numpy = ocp.RestoreArgs(restore_type=np.ndarray)
        restore = ocp.args.PyTreeRestore(
            item={"ema": like},
            restore_args={"ema": jax.tree.map(lambda _: as_numpy, like)},
            partial_restore=True,
        )
        try:
            if (checkpoints / str(step) / STATE).is_dir():
                parts = manager.restore(step, args=ocp.args.Composite(**{STATE: restore}))
                params = parts[STATE]["ema"]
            else:  # In the oldest runs the state was all of a checkpoint, and had no name.
                params = manager.restore(step, args=restore)["ema"]
        except (KeyError, ValueError) as error:
            raise UserError(f"{checkpoints}: step {step} is of another network: {error}") from error
    # orbax gives each array the shape in which it was saved, and what was never saved as it
    # was asked for.
    never_saved = any(not isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(params))
    if never_saved or jax.tree.map(np.shape, params) != jax.tree.map(np.shape, like):
        raise UserError(f"{checkpoints}: step {step} is of another network than {folder} says")
    return params, step
