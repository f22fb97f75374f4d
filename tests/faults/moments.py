"""Kills this process exactly where a name is given, changed or taken away in a folder.

Between a file that is written and its name, and between two names that belong together, a program
that is killed can leave something by halves; no clock hits these moments often enough.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMES = ("replace", "rename", "link", "symlink", "unlink", "remove", "rmdir", "mkdir")
"""Functions of `os` that change which names there are; `pathlib` and `shutil` call them."""


class Moments:
    """Counts the calls that change names below a folder, and dies at one of them.

        moments = Moments(Path.cwd(), at=5)  # before the third call
        moments.watch()

    Args:
      folder: only what happens below it counts.
      at: moment at which to kill the process: 2n is before, 2n + 1 after call n; None for never.

    Attributes:
      passed: moments that have passed.
    """

    def __init__(self, folder: Path, at: int | None = None) -> None:
        self._folder, self._at, self._lock = str(folder.resolve()), at, threading.Lock()
        self.passed = 0

    def watch(self) -> None:
        """Puts itself around the functions, in this process until it ends."""
        for name in NAMES:
            setattr(os, name, self._around(getattr(os, name)))

    def _around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*paths: Any, **options: Any) -> Any:
            counts = any(self._is_below(path, options.get("dir_fd")) for path in paths[:2])
            if counts:
                self._pass()
            try:
                return function(*paths, **options)
            finally:
                if counts:
                    self._pass()

        return call

    def _is_below(self, path: Any, folder: int | None) -> bool:
        try:
            given = os.fsdecode(path)
        except TypeError:  # a mode, say
            return False
        if folder is not None:
            given = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), given)
        return os.path.abspath(given).startswith(self._folder)

    def _pass(self) -> None:
        # Orbax works in threads; each moment is to have a number of its own.
        with self._lock:
            if self.passed == self._at:
                os.kill(os.getpid(), signal.SIGKILL)
            self.passed += 1
