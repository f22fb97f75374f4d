"""Measures how fast a run goes, what it has seen, and when it will be done."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_AVERAGED = 10  # reports over which the time that is left is estimated


@dataclass(frozen=True)
class Report:
    """Tells of a run between one log line and the next.

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
        """Returns values by their names in TensorBoard."""
        found = {
            "speed/steps_per_second": self.steps_per_second,
            "speed/segments_per_second": self.segments_per_second,
            "speed/waiting_for_input": self.waiting,
            "speed/audio_hours_seen": self.audio_hours,
        }
        return found if self.mfu is None else {**found, "speed/mfu": self.mfu}

    def postfix(self) -> dict[str, str]:
        """Returns texts for the end of a line in the terminal."""
        shown = {
            "segments": f"{self.segments_per_second:.1f}/s",
            "heard": f"{self.audio_hours:.1f} h",
            "input wait": f"{self.waiting:.0%}",
        }
        if self.mfu is not None:
            shown["MFU"] = f"{self.mfu:.1%}"
        return shown if self.eta is None else {**shown, "left": format_time(self.eta)}


class Progress:
    """Measures the speed of a training loop.

    Args:
      batch_size: segments in an update, of all processes together.
      segment_seconds: length of a segment.
      first: updates that the run has behind it.
      steps: updates in all, None if not decided; may be set anew.
      peak: FLOP per second of all devices together; see `flops.find_peak`.
      clock: seconds, for measuring differences.

    Example:
      >>> progress = Progress(batch_size=16, segment_seconds=5.12, first=0, steps=1000)
      >>> with progress.waiting():
      ...     batch = next(batches)
      >>> state, metrics = train_step(state, batch)
      >>> progress.report(step=1).segments_per_second
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
        self._recent: deque[tuple[int, float]] = deque(maxlen=_AVERAGED)

    @contextmanager
    def paused(self, steps: int = 0) -> Iterator[None]:
        """Leaves the time within out: compilation, a validation, a checkpoint.

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
        """Counts the time within as spent waiting for a batch."""
        began = self._clock()
        try:
            yield
        finally:
            self._waited += self._clock() - began

    def counts(self, step: int) -> bool:
        """Tells whether there is anything to report when ``step`` updates are done."""
        return step > self._counted

    def worked(self, flops: float) -> None:
        """Adds the FLOP of one update that is counted in the speed, on all devices together."""
        self._flops += flops

    def report(self, step: int) -> Report:
        """Reports on the time since the last report, when the device has done ``step`` updates.

        Raises:
          ValueError: no update was done since.
        """
        now = self._clock()
        # Updates in a pause are in neither: a first one is mostly compilation.
        done, seconds = step - self._counted, now - self._since - self._paused
        if done < 1:
            raise ValueError(f"step={step}; must be more than {self._counted}, reported before")
        # A clock that has not moved would make the speed infinite.
        seconds = max(seconds, 1e-9)
        # Steps and seconds apart, so that the mean is over time and not over reports.
        self._recent.append((done, seconds))
        rate = done / seconds
        # Over several reports, for one of them may hold a pause of the machine.
        recent = sum(d for d, _ in self._recent) / sum(s for _, s in self._recent)
        report = Report(
            step=step,
            steps_per_second=rate,
            segments_per_second=rate * self._batch_size,
            audio_hours=step * self._batch_size * self._segment_seconds / 3600,
            # Clocks are read one after the other, so that the share may come out above 1 by a hair.
            waiting=min(1.0, self._waited / seconds),
            eta=None if self.steps is None else max(0, self.steps - step) / recent,
            mfu=self._flops / seconds / self._peak if self._peak and self._flops else None,
        )
        self._since, self._paused, self._waited, self._flops = now, 0.0, 0.0, 0.0
        self._counted = step
        return report


def format_time(seconds: float) -> str:
    """Writes seconds as ``1:02:03``, or ``2:03`` below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
