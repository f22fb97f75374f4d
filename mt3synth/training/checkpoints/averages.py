"""Loads the power averages of a run, if it kept any."""

from __future__ import annotations

from pathlib import Path

from mt3synth.errors import UserError
from mt3synth.training.checkpoints.ema import load_part
from mt3synth.training.checkpoints.manager import FOLDER, STATE
from mt3synth.types import PyTree

WITHIN = ("opt_state", "averages")
"""Where they lie in a training state: see `mt3synth.training.optim.power_average`."""


def load_averages(
    folder: Path, like: PyTree, step: int | None = None
) -> tuple[dict[str, PyTree], int]:
    """Loads all averages of a checkpoint by their names, and tells the step they are of.

    Args:
      folder: of the run.
      like: shapes of the parameters.
      step: of the checkpoint, by default the last one.

    Raises:
      UserError: there is no such checkpoint, or it keeps no averages.
    """
    import orbax.checkpoint as ocp

    checkpoints = (folder / FOLDER).absolute()
    if not checkpoints.is_dir():
        raise UserError(f"{folder}: no checkpoints in this folder; give the folder of a run")
    handlers = {STATE: ocp.StandardCheckpointHandler()}
    options = ocp.CheckpointManagerOptions(read_only=True)
    with ocp.CheckpointManager(checkpoints, options=options, item_handlers=handlers) as manager:
        saved = sorted(manager.all_steps())
        found = saved[-1] if step is None and saved else step
        tree = manager.item_metadata(found)[STATE].tree if found in saved else {}
    node = tree
    for name in WITHIN:
        node = node.get(name, {}) if isinstance(node, dict) else {}
    if found in saved and not node:
        raise UserError(
            f"{folder}: step {found} keeps no averages to choose from; train with "
            "TrainConfig.averages, or leave --average out"
        )
    averages = {}
    # Of a step that is not there `load_part` says so.
    for name in sorted(node) or [""]:
        averages[name], found = load_part(
            checkpoints, (*WITHIN, name), like, step, mismatch=f"network than {folder} says"
        )
    assert found is not None
    return averages, found
