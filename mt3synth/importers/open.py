"""Opens a folder of others' weights, whatever format it is of."""

from __future__ import annotations

from pathlib import Path

from mt3synth.importers.checkpoint import Checkpoint, CheckpointError
from mt3synth.importers.diffusers import is_diffusers, open_diffusers
from mt3synth.importers.t5x import is_t5x, open_t5x


def open_checkpoint(folder: Path) -> Checkpoint:
    """Opens the weights in ``folder`` without reading more than names and shapes.

    Raises:
      CheckpointError: it is no folder, holds none of the known formats, or is damaged.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "no such folder"
        raise CheckpointError(f"{folder}: {what}; give the unpacked folder of the weights")
    try:
        if is_diffusers(folder):
            return open_diffusers(folder)
        if is_t5x(folder):
            return open_t5x(folder)
    except ModuleNotFoundError as error:
        raise CheckpointError(
            f"{error.name} is not installed; reading checkpoints of t5x needs "
            "`pip install 'mt3synth[train]'`"
        ) from error
    raise CheckpointError(
        f"{folder}: holds neither a checkpoint of t5x (checkpoint_N/checkpoint) nor a folder of "
        "diffusers (model_index.json)"
    )
