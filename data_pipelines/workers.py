"""Runs worker processes: one thread of computing each, and none that outlives the program."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process

_THREADS = "OPENBLAS_NUM_THREADS"  # NumPy's wheels read it when they are imported


@contextmanager
def worker_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Opens a pool of processes; leaving it cancels what has not begun, and waits for what has.

    Spawned rather than forked, because forking a process that has threads may lock up. A killed
    program cannot tell its workers to end: without a watch on it they would finish what is queued,
    beside a program that was started again to do the same, and then wait for ever.
    """
    before = os.environ.get(_THREADS)
    os.environ.setdefault(_THREADS, "1")
    try:
        with ProcessPoolExecutor(
            workers, mp_context=get_context("spawn"), initializer=_end_with_the_program
        ) as pool:
            try:
                yield pool
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
    finally:
        if before is None:
            del os.environ[_THREADS]


def _end_with_the_program() -> None:
    threading.Thread(target=_watch, name="watch", daemon=True).start()


def _watch() -> None:
    program = parent_process()
    if program is not None:
        program.join()
        os._exit(1)
