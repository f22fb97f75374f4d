"""Keeps work from being lost because nobody can be told of it.

Commands make files, and what they say on standard error meanwhile is not worth one of them. Yet a
line that cannot be written raises an exception wherever it is said: in the middle of a rendering
whose terminal was closed, whose log is on a full disk, or whose reader has gone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast


@contextmanager
def survive_broken_stderr() -> Iterator[None]:
    """Sends to nowhere what cannot be written to standard error while its ``with`` block lasts.

    with survive_broken_stderr():
        print("2.5 s of audio", file=sys.stderr)
    """
    _occupy_closed_descriptors()
    before = cast("TextIO | None", sys.stderr)  # None where it was closed when Python began
    sys.stderr = cast(TextIO, _Surviving(_open_nowhere() if before is None else before))
    try:
        yield
    finally:
        sys.stderr = cast(TextIO, before)


class _Surviving:
    """A text stream whose first failure is its last: then it goes on to nowhere."""

    def __init__(self, stream: Any) -> None:  # of any kind that standard error was replaced by
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes, or gives up writing."""
        # ValueError: it was closed by this process.
        try:
            self._stream.write(text)
        except (OSError, ValueError):
            self._give_up()
        return len(text)

    def flush(self) -> None:
        """Hands on what was written, or gives up writing."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._give_up()

    def _give_up(self) -> None:
        nowhere = _open_nowhere()
        # The descriptor, too: what failed lies in its buffer and would fail again when Python ends,
        # with another exit status, and native libraries and child processes write to it as well.
        with suppress(OSError, ValueError):
            os.dup2(nowhere.fileno(), self._stream.fileno())
        self._stream = nowhere

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _occupy_closed_descriptors() -> None:
    """Opens those of 0 to 2 that were closed, for the next file to be opened would become one.

    Native libraries would then write their complaints into it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # It gets the lowest number that is free, which is this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _open_nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")
