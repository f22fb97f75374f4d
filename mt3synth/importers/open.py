"""Which foreign format a folder is of."""

from __future__ import annotations

from pathlib import Path

from mt3synth.importers.checkpoint import Checkpoint, ForeignError
from mt3synth.importers.diffusers import is_diffusers, open_diffusers
from mt3synth.importers.t5x import is_t5x, open_t5x


def open_checkpoint(folder: Path) -> Checkpoint:
    """The foreign weights in ``folder``.

    Raises:
      ForeignError: it is no folder, holds none of the known formats, or is damaged.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "no such folder"
        raise ForeignError(f"{folder}: {what}; give the unpacked folder of the weights")
    try:
        if is_diffusers(folder):
            return open_diffusers(folder)
        if is_t5x(folder):
            return open_t5x(folder)
    except ModuleNotFoundError as error:
        raise ForeignError(
            f"{error.name} is not installed; reading checkpoints of t5x needs "
            "`pip install 'mt3synth[train]'`"
        ) from error
    raise ForeignError(
        f"{folder}: holds neither a checkpoint of t5x (checkpoint_N/checkpoint) nor a folder of "
        "diffusers (model_index.json)"
    )
