"""Records traces of a running loop for TensorBoard's profiler or xprof."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from types import FrameType

import jax

from mt3synth.errors import UserError
from mt3synth.signals import SignalHandler

FOLDER = "profile"
"""Folder of the traces within that of a run."""

ON_SIGNAL = 10
"""Steps that are traced when a signal asks for it."""


def parse_span(text: str) -> tuple[int, int]:
    """Reads ``START:STOP`` as two steps.

    Raises:
      UserError: it is not of that form, or there is no step in it.
    """
    match = re.fullmatch(r"(\d+):(\d+)", text)
    if not match or int(match[1]) >= int(match[2]):
        raise UserError(
            f"--profile {text}: must be START:STOP, the steps after which the trace begins and ends"
        )
    return int(match[1]), int(match[2])


class Profiler(SignalHandler):
    """Records the steps from ``start`` to ``stop``, and ``ON_SIGNAL`` more whenever asked.

    Used as a context, so that a trace under way is ended with the loop. Within it the signal
    SIGUSR2 asks for a trace of the next steps; SIGUSR1 is left to schedulers, which announce the
    end of a job by it. Every process traces itself.

    Args:
      folder: of the run.
      span: steps after which a trace begins and ends, as `parse_span` reads them; None for none.

    Example:
      >>> with Profiler(Path("runs/mine"), (100, 120)) as profiler:
      ...     for step in range(1, 1001):
      ...         state, metrics = train_step(state, next(batches))
      ...         profiler.at(step, metrics)
    """

    def __init__(self, folder: Path, span: tuple[int, int] | None = None) -> None:
        super().__init__(signal.SIGUSR2)
        self._folder, self._span = folder / FOLDER, span
        self._asked, self._stop = False, -1

    def __exit__(self, *_: object) -> None:
        if self._stop >= 0:
            jax.profiler.stop_trace()
        super().__exit__()

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Asks for a trace, which `at` begins: here the loop may be in the midst of a step."""
        self._asked = True

    def at(self, step: int, done: object) -> None:
        """Begins or ends a trace where it is time; to be called after every step.

        Args:
          step: updates begun so far.
          done: arrays that the last of them makes, waited for before a trace begins or ends.
        """
        if self._stop >= 0:
            if step >= self._stop:
                # The device is behind Python, and its last steps belong to the trace.
                jax.block_until_ready(done)
                jax.profiler.stop_trace()
                self._stop = -1
            return
        if self._span is not None and self._span[0] <= step < self._span[1]:
            self._begin(self._span[1], done)
        elif self._asked:
            self._asked = False
            self._begin(step + ON_SIGNAL, done)

    def _begin(self, stop: int, done: object) -> None:
        jax.block_until_ready(done)
        jax.profiler.start_trace(str(self._folder))
        self._stop = stop
