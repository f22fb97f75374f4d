"""How fast a run goes, what it has seen, and when it will be done."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_WINDOW = 10  # reports over which the time that is left is estimated


@dataclass(frozen=True)
class Report:
    """A run between one log line and the next.

    Attributes:
      step: updates done so far.
      steps_per_second: without the time in which training was paused.
      segments_per_second: of the whole batch, all devices together.
      audio_hours: seen since the run began, each time a segment is seen.
      waiting: share of the time in which the loop waited for a batch.
      eta: seconds of training that are left, without evaluations and checkpoints; None while the
        end is not decided.
      mfu: model FLOP utilisation, if the FLOP of the updates and a peak are known.
    """

    step: int
    steps_per_second: float
    segments_per_second: float
    audio_hours: float
    waiting: float
    eta: float | None
    mfu: float | None = None

    def scalars(self) -> dict[str, float]:
        """By their names in TensorBoard."""
        found = {
            "speed/steps_per_second": self.steps_per_second,
            "speed/segments_per_second": self.segments_per_second,
            "speed/waiting_for_input": self.waiting,
            "speed/audio_hours_seen": self.audio_hours,
        }
        return found if self.mfu is None else {**found, "speed/mfu": self.mfu}

    def postfix(self) -> dict[str, str]:
        """For the end of a line in the terminal."""
        shown = {
            "segments": f"{self.segments_per_second:.1f}/s",
            "heard": f"{self.audio_hours:.1f} h",
            "input wait": f"{self.waiting:.0%}",
        }
        if self.mfu is not None:
            shown["MFU"] = f"{self.mfu:.1%}"
        return shown if self.eta is None else {**shown, "left": clock_time(self.eta)}


class Progress:
    """Measures a training loop.

    Args:
      batch_size: segments in an update, of all processes together.
      segment_seconds: length of a segment.
      first: updates that the run has behind it.
      steps: updates in all, None if not decided; may be set anew.
      peak: FLOP per second of all devices together; see `flops.peak_of`.
      clock: seconds, for measuring differences.
    """

    def __init__(
        self,
        *,
        batch_size: int,
        segment_seconds: float,
        first: int,
        steps: int | None,
        peak: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.steps = steps
        self._batch_size, self._segment_seconds = batch_size, segment_seconds
        self._peak, self._clock = peak, clock
        self._since, self._paused, self._waited, self._flops = clock(), 0.0, 0.0, 0.0
        self._counted = first
        self._recent: deque[tuple[int, float]] = deque(maxlen=_WINDOW)

    @contextmanager
    def paused(self, steps: int = 0) -> Iterator[None]:
        """The time within is not training: compilation, an evaluation, a picture.

        Args:
          steps: updates done within, which are not counted in the speed either.
        """
        began = self._clock()
        try:
            yield
        finally:
            self._paused += self._clock() - began
            self._counted += steps

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The time within is spent waiting for a batch."""
        began = self._clock()
        try:
            yield
        finally:
            self._waited += self._clock() - began

    def counts(self, step: int) -> bool:
        """Whether there is anything to report when ``step`` updates are done."""
        return step > self._counted

    def worked(self, flops: float) -> None:
        """An update that is counted in the speed took so many FLOP, on all devices together."""
        self._flops += flops

    def report(self, step: int) -> Report:
        """What was since the last report; to be called when the device has done ``step`` updates.

        Raises:
          ValueError: no update was done since.
        """
        now = self._clock()
        done, seconds = step - self._counted, now - self._since - self._paused
        if done < 1:
            raise ValueError(f"step={step}; must be more than {self._counted}, reported before")
        # A clock that has not moved would make the speed infinite.
        seconds = max(seconds, 1e-9)
        self._recent.append((done, seconds))
        rate = done / seconds
        recent = sum(d for d, _ in self._recent) / sum(s for _, s in self._recent)
        report = Report(
            step=step,
            steps_per_second=rate,
            segments_per_second=rate * self._batch_size,
            audio_hours=step * self._batch_size * self._segment_seconds / 3600,
            waiting=min(1.0, self._waited / seconds),
            eta=None if self.steps is None else max(0, self.steps - step) / recent,
            mfu=self._flops / seconds / self._peak if self._peak and self._flops else None,
        )
        self._since, self._paused, self._waited, self._flops = now, 0.0, 0.0, 0.0
        self._counted = step
        return report


def clock_time(seconds: float) -> str:
    """``1:02:03``, or ``2:03`` below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
