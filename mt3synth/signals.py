"""Handles signals for as long as a ``with`` block lasts."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, TypeVar

# Not `Self`, which the run-time checker of the tests does not know outside classes of its own.
_Handler = TypeVar("_Handler", bound="SignalHandler")


class SignalHandler:
    """Base of what handles signals within its ``with`` block; afterwards all is as before.

    In a thread other than the main one, where Python allows no handlers, nothing is handled.

    Args:
      *numbers: the signals that `handle` is called for.

    Example:
      >>> class Counter(SignalHandler):
      ...     count = 0
      ...
      ...     def handle(self, number, frame):
      ...         self.count += 1
      >>> with Counter(signal.SIGUSR1) as counter:
      ...     work()
    """

    def __init__(self, *numbers: signal.Signals) -> None:
        self._numbers = numbers
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self: _Handler) -> _Handler:
        if threading.current_thread() is threading.main_thread():
            for number in self._numbers:
                self._before[number] = signal.signal(number, self.handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Is called when a signal arrives, between two instructions of the main thread."""
        raise NotImplementedError
