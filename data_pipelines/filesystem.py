"""Reads and writes files on this machine, or in a store such as ``gs://`` or ``s3://``.

A path is a ``pathlib.Path``, or for a URL a ``upath.UPath``, which has the same methods and reaches
the store through fsspec (``gcsfs`` for ``gs://``, ``s3fs`` for ``s3://``). `as_path` makes one of
what a user gives, once, where it comes in; everything behind takes a path. Libraries that read and
write audio and shards want files of this machine; `local_copy` and `write_atomically` bring them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast

from mt3synth import atomic, exclusive
from mt3synth.errors import UserError


def as_path(given: str | Path) -> Path:
    """Makes a path of what a user gives: of a name on this machine, or of a URL.

    Raises:
      UserError: what reaches that kind of store is not installed.
    """
    if not isinstance(given, str):
        return given
    if "://" not in given:
        return Path(given)
    try:
        from upath import UPath

        return cast(Path, UPath(given))
    except (ImportError, ValueError) as error:  # ValueError: fsspec knows no such protocol
        raise UserError(f"{given}: cannot be reached ({error})") from error


def is_local(path: Path) -> bool:
    """Tells whether programs and libraries can open the path as it is."""
    return isinstance(path, Path)


def plain_path(path: Path) -> Path:
    """Takes detours out of a local path: ``aligned/../real/x.wav`` is ``real/x.wav``."""
    # Without any `..` there is nothing to look up on the disk.
    if not is_local(path) or ".." not in path.parts:
        return path
    plain = Path(os.path.normpath(path))
    # Behind a link `..` is another folder.
    return plain if plain.resolve() == path.resolve() else path


@contextmanager
def local_copy(path: Path) -> Iterator[Path]:
    """Gives the file or folder itself if it is local, else a copy that is removed in the end.

    Raises:
      UserError: it is not there, or the store does not give it.
    """
    if is_local(path):
        yield path
        return
    with atomic.scratch_folder() as folder:
        copy = folder / path.name
        store: Any = path
        try:
            store.fs.get(store.path, str(copy), recursive=path.is_dir())
        except Exception as error:  # every store has errors of its own
            raise UserError(f"{path}: cannot be read ({_reason(error)})") from error
        yield copy


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Gives a local name to write a file or a folder to, which becomes ``path`` at the end.

    On this machine as `mt3synth.atomic.write_atomically`, but an older folder is replaced, too.
    A store gets what was written when it is complete.

    Raises:
      UserError: the store does not take it.
    """
    if is_local(path):
        with atomic.write_atomically(path) as unfinished:
            yield unfinished
            if path.is_dir():  # which no file system replaces in one step
                remove(path)
        return
    with atomic.scratch_folder() as folder:
        yield folder / path.name
        upload(folder / path.name, path)


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 with Unix line ends, whole or not at all."""
    with write_atomically(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="\n")


def remove_unfinished(folder: Path) -> None:
    """Removes what killed processes left in ``folder``; in a store they leave nothing."""
    if is_local(folder):
        atomic.remove_unfinished(folder)


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Holds a folder of this machine while something is made in it; a store cannot be held.

    Raises:
      UserError: another process is at work in it.
    """
    with exclusive.hold_folder(folder) if is_local(folder) else nullcontext():
        yield


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
        raise UserError(f"{target}: cannot be written ({_reason(error)})") from error


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


def _reason(error: Exception) -> str:
    """Finds the shortest text that says what went wrong."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
