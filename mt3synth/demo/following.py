"""Follows work that is done in a thread: what it does just now, and what came out."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """Says what is being done.

    Attributes:
      text: in words.
      share: how much of it is done, 0 to 1; None if nobody knows.
    """

    text: str
    share: float | None = None


Tell = Callable[[str, float | None], None]
"""Takes what `Progress` holds. Raises `Stopped` once nobody waits for the work any more."""


class Stopped(Exception):
    """Nobody waits for the work any more."""


@dataclass(frozen=True)
class Result(Generic[T]):
    """Holds what came out of the work."""

    value: T


def follow(work: Callable[[Tell], T]) -> Generator[Progress | Result[T], None, None]:
    """Does some work in a thread, and yields what it tells of itself, then its result.

        for step in follow(lambda tell: render(song, tell)):
            show(step)

    Whoever leaves early, by closing the iterator, ends the work at the next thing that it tells,
    and waits for that: whatever comes next has the machine to itself.

    Raises:
      Exception: whatever the work raises.
    """
    told: queue.SimpleQueue[Progress | Result[T] | BaseException] = queue.SimpleQueue()
    left = threading.Event()

    def tell(text: str, share: float | None = None) -> None:
        if left.is_set():
            raise Stopped
        told.put(Progress(text, share))

    def run() -> None:
        try:
            told.put(Result(work(tell)))
        except BaseException as error:  # it is raised where it is waited for
            told.put(error)

    thread = threading.Thread(target=run, name="work", daemon=True)
    thread.start()
    try:
        while True:
            item = told.get()
            # Of several things that were told meanwhile only the last is still true.
            while isinstance(item, Progress) and not told.empty():
                item = told.get()
            if isinstance(item, BaseException):
                raise item
            yield item
            if isinstance(item, Result):
                return
    finally:
        left.set()
        thread.join()
