"""Writes what ``t5x.infer`` makes: mel frames as NumPy archives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mt3synth.audio.mel import MelSpec, from_network

_OF_TASK = ("id", "start_frame", "performance")
"""Features that say which segment an entry is."""


def write_frames(
    path: str,
    inferences: tuple[list[Any], dict[str, Any]],
    task_ds: Any,
    mode: str,
    vocabulary: Any,
    mel: MelSpec,
) -> None:
    """Writes a chunk of predictions as ``.npz``.

    The archive has ``id``, ``start_frame``, ``performance`` and ``log_mel``, which is float32
    ``[N, T, M]``, natural log.

    Args:
      path: of the file.
      inferences: frames in the network's range, and nothing beside.
      task_ds: the task's examples, in the same order.
      mode, vocabulary: as t5x passes them.
      mel: the front end.

    Raises:
      ValueError: another mode than "predict".
    """
    if mode != "predict":
        raise ValueError(f"mode={mode!r}; must be 'predict' (losses are t5x.eval's business)")
    del vocabulary
    frames = np.asarray(inferences[0], np.float32)
    examples = list(task_ds.as_numpy_iterator())
    arrays = {name: np.array([example[name] for example in examples]) for name in _OF_TASK}
    _save(Path(path), {"log_mel": from_network(frames, mel), **arrays})


def merge_frames(output_dir: str, output_fname: str, tmp_dir: str, step: int | None) -> None:
    """Joins the chunks in ``tmp_dir`` to one archive in ``output_dir``.

    Raises:
      FileNotFoundError: there are no chunks.
    """
    del step
    chunks = sorted(Path(tmp_dir).glob(f"{output_fname}-chunk?????"))
    if not chunks:
        raise FileNotFoundError(f"{tmp_dir}: no results; the task has no examples in this split")
    parts = [np.load(chunk) for chunk in chunks]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0].files}
    _save(Path(output_dir) / output_fname, joined)


def _save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    # To an open file, for a name that does not end with .npz would be lengthened.
    with open(path, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
