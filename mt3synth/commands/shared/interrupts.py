"""Makes sure that a Ctrl-C is not lost."""

from __future__ import annotations

import signal
from types import FrameType

from mt3synth.signals import SignalHandler


class Interrupts(SignalHandler):
    """Remembers a SIGINT while its ``with`` block lasts.

    The signal raises KeyboardInterrupt at once, as ever. But if that happens in a callback of the
    compiler or of the garbage collector, Python drops the exception; `check` raises it again.

    Example:
      >>> with Interrupts() as interrupts:
      ...     frames = make_frames()
      ...     interrupts.check()
    """

    def __init__(self) -> None:
        super().__init__(signal.SIGINT)
        self._interrupted = False

    def check(self) -> None:
        """Goes on unless there was a SIGINT.

        Raises:
          KeyboardInterrupt: there was one, and it came to nothing.
        """
        if self._interrupted:
            raise KeyboardInterrupt

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Remembers the signal, and interrupts at once."""
        self._interrupted = True
        raise KeyboardInterrupt
