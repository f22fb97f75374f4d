"""Works ahead in a thread, so that the next batch is ready when it is asked for."""

from __future__ import annotations

import queue
import threading
import weakref
from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Prefetched(Generic[T]):
    """Draws from ``items`` in a background thread, at most ``depth`` ahead.

    An exception in ``items`` is raised in the consumer, at the position at which it
    happened. The thread ends with ``close``, at the end of a ``with`` block, when the iterator is
    no longer referenced, and when Python exits.

    Raises:
      ValueError: ``depth`` below 1.
    """

    def __init__(self, items: Iterator[T], depth: int = 2) -> None:
        if depth < 1:
            raise ValueError(f"depth={depth} items; must be at least 1")
        self._ready: queue.Queue[T | _End] = queue.Queue(maxsize=depth)
        self._end: _End | None = None
        closing = threading.Event()
        # The thread must not hold on to this object, or it would never be collected.
        thread = threading.Thread(
            target=_work, args=(items, self._ready, closing), name="prefetch", daemon=True
        )
        self._stop = weakref.finalize(self, _stop, thread, self._ready, closing)
        thread.start()

    def __iter__(self) -> Prefetched[T]:
        return self

    def __next__(self) -> T:
        if self._end is None:
            item = self._ready.get()
            if not isinstance(item, _End):
                return item
            self._end = item
        if self._end.error is not None:
            raise self._end.error
        raise StopIteration

    def close(self) -> None:
        """Stops working ahead and waits for it; from then on the iterator is at its end."""
        self._stop()
        self._end = _End(None)

    def __enter__(self) -> Prefetched[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _End(NamedTuple):
    """Stands after the last item: they are exhausted, or failed with ``error``."""

    error: BaseException | None


def _work(items: Iterator[T], ready: queue.Queue[T | _End], closing: threading.Event) -> None:
    end = _End(None)
    try:
        for item in items:
            ready.put(item)
            if closing.is_set():
                return
    except BaseException as error:  # handed over, not handled: the consumer raises it
        end = _End(error)
    ready.put(end)


def _stop(thread: threading.Thread, ready: queue.Queue[T | _End], closing: threading.Event) -> None:
    closing.set()
    while thread.is_alive():
        # It may be waiting to put: make room until it has seen that it should end.
        try:
            ready.get_nowait()
        except queue.Empty:
            thread.join(timeout=0.05)
