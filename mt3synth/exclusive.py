"""Sees to it that of several processes only one at a time writes a file, or into a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mt3synth.errors import UserError

_SUFFIX = ".busy"

_held: set[Path] = set()
"""Locks of this process, which may ask for one again while it has it."""


@contextmanager
def hold(path: Path, error: type[UserError] = UserError) -> Iterator[None]:
    """Holds the name of a file or of a new folder while it is being made.

        with hold(Path("song.wav")):
            write("song.wav")

    The lock is the operating system's, on a hidden file beside, and ends with the process, however
    that ends. Where files cannot be locked, or the folder cannot be written to, nothing is held:
    whoever then writes will hear of it.

    Raises:
      UserError: of the class ``error``: another process holds it.
    """
    with _hold(_lock_of(path), path, error):
        yield


def clear(path: Path) -> None:
    """Removes what a process that held ``path``, and was killed when it was done, has left."""
    if _lock_of(path).exists():
        with suppress(UserError), hold(path):  # another that is at work there keeps it
            pass


@contextmanager
def hold_folder(folder: Path, error: type[UserError] = UserError) -> Iterator[None]:
    """Holds a folder, as `hold`, while something is made in it; it is made if need be.

    Raises:
      UserError: of the class ``error``: another process holds it.
    """
    with suppress(OSError):  # whoever writes into it will hear of it
        folder.mkdir(parents=True, exist_ok=True)
    with _hold(folder / _SUFFIX, folder, error):
        yield


def _lock_of(path: Path) -> Path:
    whole = Path(os.path.abspath(path))  # "." has no name
    return whole.parent / f".{whole.name}{_SUFFIX}"


@contextmanager
def _hold(lock: Path, what: Path, error: type[UserError]) -> Iterator[None]:
    lock = Path(os.path.abspath(lock))
    # Whoever writes to a device or a pipe is alone with it, or means not to be.
    special = os.path.exists(what) and not (os.path.isfile(what) or os.path.isdir(what))
    file = None if special or lock in _held else _take(lock, what, error)
    if file is None:
        yield
        return
    _held.add(lock)
    try:
        yield
    finally:
        _held.discard(lock)
        # Before it is let go, so that nobody takes it under a name that is about to go.
        with suppress(OSError):
            lock.unlink()
        os.close(file)


def _take(lock: Path, what: Path, error: type[UserError]) -> int | None:
    """Opens and locks a file; None where that cannot be done."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    while True:
        try:
            file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it may have removed it since it was opened here.
            if os.path.samestat(os.fstat(file), os.stat(lock)):
                return file
        except BlockingIOError:
            os.close(file)
            raise error(
                f"{what} is being written by another process; wait for its end, or name another"
            ) from None
        except FileNotFoundError:
            pass
        except OSError:  # a file system without locks
            os.close(file)
            with suppress(OSError):
                lock.unlink()
            return None
        os.close(file)
