"""Files wherever they are: on this machine, or in a store such as ``gs://`` or ``s3://``.

A place is a ``pathlib.Path``, or for a URL a ``upath.UPath``, which has the same methods and
reaches the store through fsspec (``gcsfs`` for ``gs://``, ``s3fs`` for ``s3://``). Libraries that
read and write audio and shards want files of this machine; `local_copy` and `atomic` bring them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from mt3synth.errors import UserError


def place(path: str | Path) -> Path:
    """A path of this machine, or the place that a URL names.

    Raises:
      UserError: what reaches that kind of store is not installed.
    """
    if not isinstance(path, str):
        return path
    if "://" not in path:
        return Path(path)
    try:
        from upath import UPath

        return cast(Path, UPath(path))
    except (ImportError, ValueError) as error:  # ValueError: fsspec knows no such protocol
        raise UserError(f"{path}: cannot be reached ({error})") from error


def is_local(path: Path) -> bool:
    """Whether programs and libraries can open the path as it is."""
    return isinstance(path, Path)


@contextmanager
def local_copy(path: Path) -> Iterator[Path]:
    """The file or folder itself if it is local, else a copy that is removed in the end.

    Raises:
      UserError: it is not there, or the store does not give it.
    """
    if is_local(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="mt3synth-") as folder:
        copy = Path(folder) / path.name
        store: Any = path
        try:
            store.fs.get(store.path, str(copy), recursive=path.is_dir())
        except Exception as error:  # every store has errors of its own
            raise UserError(f"{path}: cannot be read ({_words(error)})") from error
        yield copy


def upload(source: Path, target: Path) -> None:
    """Copies a local file or folder to a store, replacing what is there.

    Raises:
      UserError: the store does not take it.
    """
    try:
        remove(target)
        for file in [source] if source.is_file() else filter(Path.is_file, source.rglob("*")):
            part = target / file.relative_to(source).as_posix() if file != source else target
            part.parent.mkdir(parents=True, exist_ok=True)
            with open(file, "rb") as original, part.open("wb") as copy:
                shutil.copyfileobj(original, copy)
    except Exception as error:  # every store has errors of its own
        raise UserError(f"{target}: cannot be written ({_words(error)})") from error


def move(source: Path, target: Path) -> None:
    """Renames a file or folder within its disk or store; ``target`` must not be a folder."""
    if is_local(source):
        os.replace(source, target)
    else:
        store: Any = source
        store.fs.mv(store.path, target.path, recursive=source.is_dir())  # type: ignore[attr-defined]


def remove(path: Path) -> None:
    """Removes a file or a folder, if it is there."""
    if not path.is_dir():
        path.unlink(missing_ok=True)
    elif is_local(path):
        shutil.rmtree(path)
    else:
        path.rmdir(recursive=True)  # type: ignore[call-arg]


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


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
