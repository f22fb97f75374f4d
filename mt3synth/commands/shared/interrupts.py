"""Makes sure that a Ctrl-C is not lost."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interrupts:
    """Remembers a SIGINT while its ``with`` block lasts.

    The signal raises KeyboardInterrupt at once, as ever. But if that happens in a callback of the
    compiler or of the garbage collector, Python drops the exception; `check` raises it again. In a
    thread other than the main one, where Python allows no handlers, nothing is remembered.
    """

    def __init__(self) -> None:
        self._interrupted = False
        self._before: Any = None

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def check(self) -> None:
        """Goes on unless there was a SIGINT.

        Raises:
          KeyboardInterrupt: there was one, and it came to nothing.
        """
        if self._interrupted:
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._interrupted = True
        raise KeyboardInterrupt
