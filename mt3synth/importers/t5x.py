"""Reads checkpoints of t5x, without t5x.

Until 2023 t5x wrote a MessagePack file ``checkpoint`` that holds small arrays and describes the
others, each a zarr array in a folder of its own (``target.decoder.layers_0....``); the ancestor's
are of this kind. Since then it has orbax write a folder ``state``. Only the parameters, ``target``,
are read; the optimizer's state is passed over.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from flax.serialization import msgpack_restore
from flax.traverse_util import flatten_dict

from mt3synth.importers.checkpoint import Checkpoint, CheckpointError, Stored
from mt3synth.importers.gin_description import describe

INDEX, STATE, GIN = "checkpoint", "state", "config.gin"
_STEP = re.compile(r"checkpoint_(\d+)")


def is_t5x(folder: Path) -> bool:
    """Tells whether there is a checkpoint of t5x in ``folder``, or one of its steps."""
    return _is_step(folder) or any(_is_step(step) for step in folder.glob("checkpoint_*"))


def open_t5x(folder: Path) -> Checkpoint:
    """Opens the last checkpoint of a run, or the one whose folder is given.

    The network is described by a ``config.gin`` in the folder or the one above it.

    Raises:
      CheckpointError: the index cannot be read, or the configuration is of no network of ours.
    """
    steps = [step for step in folder.glob("checkpoint_*") if _is_step(step)]
    if not _is_step(folder):
        folder = max(steps, key=_number)
    stored = _from_index(folder) if (folder / INDEX).is_file() else _from_orbax(folder)
    if not stored:
        raise CheckpointError(f"{folder}: holds no parameters")
    context = any(name.startswith("continuous_encoder/") for name in stored)
    configured = [f for f in (folder / GIN, folder.absolute().parent / GIN) if f.is_file()]
    return Checkpoint(
        source=folder,
        format="t5x",
        stored=stored,
        own_name=str,
        transposed=False,
        description=describe(configured[0], context) if configured else None,
    )


def _is_step(folder: Path) -> bool:
    return (folder / INDEX).is_file() or (folder / STATE).is_dir()


def _number(folder: Path) -> int:
    found = _STEP.fullmatch(folder.name)
    return int(found[1]) if found else -1


def _from_index(folder: Path) -> dict[str, Stored]:
    try:
        index = msgpack_restore((folder / INDEX).read_bytes())
        target = index["optimizer"]["target"]
        leaves = flatten_dict(target, is_leaf=lambda _, node: "kvstore" in node, sep="/")
        return {name: _stored(folder, leaf) for name, leaf in leaves.items()}
    except Exception as error:  # MessagePack's errors have no class in common
        raise CheckpointError(
            f"{folder / INDEX}: is no index of a t5x checkpoint: {type(error).__name__}: {error}"
        ) from error


def _stored(folder: Path, leaf: Any) -> Stored:
    """Finds an array held in the index itself, or one that it describes."""
    if not isinstance(leaf, dict):
        value = np.asarray(leaf)
        return Stored(value.shape, lambda: value)
    # Before tensorstore 0.1.14 the path stood beside the store.
    relative = PurePosixPath(leaf["kvstore"].get("path") or leaf["path"])
    if relative.is_absolute() or ".." in relative.parts:
        raise ValueError(f"path {relative} leads out of the folder")
    read = partial(_read_zarr, folder / relative)
    return Stored(tuple(int(size) for size in leaf["metadata"]["shape"]), read)


def _read_zarr(folder: Path) -> np.ndarray:
    import tensorstore

    spec = {
        "driver": "zarr",
        "kvstore": {"driver": "file", "path": f"{folder.absolute()}/"},
        # A chunk whose file is not there is damage; zarr alone takes it for zeros.
        "fill_missing_data_reads": False,
    }
    value = np.asarray(tensorstore.open(spec, read=True).result().read().result())
    # Before June 2021 bfloat16 was kept as the integer of its bits.
    return value.view("bfloat16") if value.dtype == np.uint16 else value


def _from_orbax(folder: Path) -> dict[str, Stored]:
    from mt3synth.importers.orbax_checkpoint import read_target

    state = (folder / STATE).absolute()
    try:
        return read_target(state)
    except ValueError as error:
        raise CheckpointError(f"{state}: is no checkpoint of orbax: {error}") from error
