"""Files and folders that appear under their name whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_pipelines.places import is_local, move, place, remove, upload


@contextmanager
def appearing_whole(path: str | Path) -> Iterator[Path]:
    """Gives a local name to write to, which becomes ``path`` at the end.

    After an exception what was written is removed. A process that is killed leaves a hidden file
    beside ``path``; `remove_unfinished` clears such leftovers away.
    """
    path = place(path)
    if not is_local(path):
        with tempfile.TemporaryDirectory(prefix="mt3synth-") as folder:
            yield Path(folder) / path.name
            upload(Path(folder) / path.name, path)
        return
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    remove(unfinished)
    try:
        yield unfinished
        if path.is_dir():  # a folder cannot be replaced in one step
            remove(path)
        move(unfinished, path)
    finally:
        remove(unfinished)


def remove_unfinished(folder: Path) -> None:
    """Removes what killed processes left in ``folder``."""
    if is_local(folder):
        for path in folder.glob(".*.unfinished"):
            remove(path)


def write_text(path: str | Path, text: str) -> None:
    """Writes UTF-8 with Unix line ends, whole or not at all."""
    with appearing_whole(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="\n")
