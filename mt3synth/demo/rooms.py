"""Where the page keeps files for visitors to fetch, and for how long."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from pathlib import Path

KEEP_SECONDS = 3600.0
"""How long a file may be fetched."""

_PERIOD_SECONDS = 60.0
"""From one look for old files to the next."""


class Rooms:
    """Gives every rendering a folder of its own, which nobody finds who was not told of it.

        rooms = Rooms(Path(folder))
        song.write(rooms.new() / "song.wav")
        rooms.sweep()

    Names of folders are random numbers of 128 bits. Nothing lists them, so a visitor reaches no
    files but those of which the page gave an address.

    Args:
      folder: exists, and holds nothing else. What a web server puts into it is swept, too.
      keep: seconds after which a file is removed.
    """

    def __init__(self, folder: Path, keep: float = KEEP_SECONDS) -> None:
        self.folder = folder
        self.keep = keep
        self._closed = threading.Event()

    def new(self) -> Path:
        """Makes an empty folder."""
        room = self.folder / secrets.token_hex(16)
        room.mkdir()
        return room

    def sweep(self, now: float | None = None) -> None:
        """Removes what was last written to longer ago than `keep`.

        Args:
          now: seconds since 1970; None is the clock's.
        """
        now = time.time() if now is None else now
        for entry in self.folder.iterdir():
            if now - _last_change(entry) > self.keep:
                discard(entry)

    def sweep_until_closed(self) -> None:
        """Sweeps once a minute, in a thread that ends with `close`."""

        def watch() -> None:
            while not self._closed.wait(min(_PERIOD_SECONDS, self.keep)):
                self.sweep()

        threading.Thread(target=watch, name="sweep", daemon=True).start()

    def close(self) -> None:
        """Removes everything."""
        self._closed.set()
        shutil.rmtree(self.folder, ignore_errors=True)


def discard(path: Path) -> None:
    """Removes a file, or a folder with all that is in it, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _last_change(entry: Path) -> float:
    """Says when an entry of the folder, or anything in it, was last written to."""
    times = [0.0]
    for path in (entry, *entry.rglob("*")):
        try:
            times.append(path.stat().st_mtime)
        except FileNotFoundError:  # it went away meanwhile
            continue
    return max(times)
