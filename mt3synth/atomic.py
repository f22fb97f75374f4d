"""Writes files and folders that appear under their name whole or not at all.

All of it rests on one step: what is written lies under a hidden name in the same folder until it is
complete, and is then renamed, which a file system does in one go. The hidden name says whose it is,
so that what a killed process leaves can be told from what another is at work on.
"""

from __future__ import annotations

import glob
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import IO

from mt3synth.errors import UserError, explain_os_errors
from mt3synth.exclusive import clear, hold
from mt3synth.owners import is_abandoned, name_owner

_SUFFIX = ".unfinished"
_SCRATCH = "mt3synth-"


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Gives a hidden name beside ``path`` to write a file or a folder to; it becomes ``path``.

    An older file is replaced in one step, an older folder only if it is empty. After an exception,
    Ctrl-C too, what was written is removed. What a killed process of this machine has left in the
    folder goes when the next one writes there.

        with write_atomically(path) as unfinished:
            unfinished.write_bytes(data)

    Raises:
      OSError: the rename fails, or ``path`` is a folder with something in it.
    """
    _clear_once(os.path.abspath(path.parent))
    # A random part, for several threads may write the same file of a cache at once.
    own = f"{name_owner()}-{secrets.token_hex(4)}"
    unfinished = path.with_name(f".{path.name}.{own}{_SUFFIX}")
    try:
        yield unfinished
        os.replace(unfinished, path)
    except OSError as error:
        # A full disk names no file, and the hidden name says nothing to anybody.
        if error.errno is not None and error.filename in (None, os.fspath(unfinished)):
            error.filename, error.filename2 = os.fspath(path), None
        raise
    finally:
        _remove(unfinished)


# A process may write many files into a folder that has many.
@lru_cache(maxsize=256)
def _clear_once(folder: str) -> None:
    with suppress(OSError):  # whoever writes there will hear of it
        remove_abandoned(Path(folder))


@contextmanager
def write_folder(folder: Path, error: type[UserError]) -> Iterator[Path]:
    """Gives an empty hidden folder to write to, which becomes ``folder`` at the end.

    What a killed process left of the same folder is cleared away first.

    Raises:
      UserError: of the class ``error``: ``folder`` exists, cannot be written, or is being written
        by another process.
    """
    refuse_existing(folder, error)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with hold(folder, error):
            remove_unfinished(folder.parent, folder.name)
            with write_atomically(folder) as unfinished:
                unfinished.mkdir()
                yield unfinished
    except OSError as failure:
        raise error(f"cannot write {folder}: {failure.strerror or failure}") from failure


def refuse_existing(folder: Path, error: type[UserError] = UserError) -> None:
    """Refuses a folder that is there, before anything is made of which it would be the place.

    Raises:
      UserError: of the class ``error``: it exists.
    """
    if folder.exists():
        clear(folder)
        raise error(f"{folder} exists; give a new folder")


def write_bytes(path: Path, data: bytes | memoryview) -> None:
    """Writes a file and waits until the disk holds it.

    Raises:
      OSError: it cannot be written.
    """
    with write_atomically(path) as unfinished, open(unfinished, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())  # some file systems report a full disk only here


def write_new(path: Path, write: Callable[[IO[bytes]], object], error: type[UserError]) -> None:
    """Writes a file of a cache, whose folder is made if need be.

    Args:
      path: of the file.
      write: gets the open file.
      error: what to raise.

    Raises:
      UserError: of the class ``error``: it cannot be written.
    """
    with explain_os_errors(path, "cannot be written", error):
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_atomically(path) as unfinished, open(unfinished, "xb") as file:
            write(file)


def write_text(path: Path, text: str) -> None:
    """Writes a file of UTF-8 with Unix line ends.

    Raises:
      OSError: it cannot be written.
    """
    with write_atomically(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="\n")


def write_texts(folder: Path, texts: Mapping[str, str], option: str) -> None:
    """Writes texts by their files' names into a folder, which is made if need be.

    Raises:
      UserError: they cannot be written; names the option that says where.
    """
    with explain_os_errors(f"{option} {folder}", "cannot be written"):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_text(folder / name, text)


def remove_unfinished(folder: Path, name: str | None = None) -> None:
    """Removes what killed processes left in ``folder``, of the file or folder ``name`` or of all.

    Only for a folder to which nobody else writes at that moment.
    """
    pattern = "*" if name is None else f"{glob.escape(name)}.*"
    for path in folder.glob(f".{pattern}{_SUFFIX}"):
        _remove(path)


def remove_abandoned(folder: Path) -> None:
    """Removes what killed processes of this machine left in ``folder``, and nobody else's."""
    for path in folder.glob(f".*{_SUFFIX}"):
        # Names of before had no owner in them.
        owner = path.name.removesuffix(_SUFFIX).rpartition(".")[2].rpartition("-")[0]
        if is_abandoned(owner):
            _remove(path)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Gives a folder for what is needed for a while only, where the system keeps such folders.

    What killed processes left there is cleared away first, which nobody else would do for weeks.
    """
    for path in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*"):
        if is_abandoned(path.name.removeprefix(_SCRATCH).rpartition("-")[0]):
            _remove(path)
    with tempfile.TemporaryDirectory(prefix=f"{_SCRATCH}{name_owner()}-") as folder:
        yield Path(folder)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
