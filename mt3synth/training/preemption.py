"""Ends a run early without losing what it has learned.

SIGTERM (a cluster that wants its machine back) and SIGINT (Ctrl-C) let the step at hand end, save,
and leave with 143 or 130, the shell's 128 + signal: a scheduler that starts failed jobs again must
not take the run for finished. The same command goes on from there.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

import jax
from jax.experimental import multihost_utils

from mt3synth.signals import SignalHandler


class Stopped(Exception):
    """A run was asked to stop, and has saved.

    Attributes:
      step: the updates that are saved.
      status: exit status of the program.
    """

    def __init__(self, step: int, number: signal.Signals) -> None:
        super().__init__(f"stopped by {number.name} at step {step}, which is saved")
        self.step, self.status = step, 128 + number


class StopRequests(SignalHandler):
    """Catches SIGTERM and SIGINT while its ``with`` block lasts.

    Several processes stop together, at a step on which JAX's preemption service makes them agree
    when any one of them gets SIGTERM. A second SIGINT interrupts at once.

    Example:
      >>> with StopRequests() as stop:
      ...     for step in range(1, 1001):
      ...         state, metrics = train_step(state, next(batches))
      ...         if stop.reached(step):
      ...             break
    """

    def __init__(self) -> None:
        self._requested: signal.Signals | None = None
        self._alone = jax.process_count() == 1
        # With several processes JAX itself handles SIGTERM: its preemption service must hear of it.
        super().__init__(signal.SIGINT, *([signal.SIGTERM] if self._alone else []))

    def reached(self, step: int) -> signal.Signals | None:
        """Returns the signal for which to stop after ``step``, or None.

        To be called after every step, by every process.
        """
        # Between two steps and not in the handler: there the state is whole.
        if self._alone:
            return self._requested
        # A step that JAX has all agree on: one that stopped alone would leave the others waiting.
        if multihost_utils.reached_preemption_sync_point(step):
            return self._requested or signal.SIGTERM
        return None

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Notes the request; the step at hand goes on.

        Raises:
          KeyboardInterrupt: it is the second SIGINT, of somebody who will not wait.
        """
        if number == signal.SIGINT and self._requested == signal.SIGINT:
            raise KeyboardInterrupt
        # Nothing else here: a handler may run in the midst of anything.
        self._requested = signal.Signals(number)
        if not self._alone:
            # JAX tells the other processes of a SIGTERM, and of nothing else.
            os.kill(os.getpid(), signal.SIGTERM)
