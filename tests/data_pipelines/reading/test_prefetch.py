"""Working ahead changes nothing but the waiting."""

import gc
import threading
from collections.abc import Iterator
from itertools import count

import pytest

from data_pipelines.reading.prefetch import Prefetched


def threads() -> int:
    return sum(thread.name == "prefetch" for thread in threading.enumerate())


def failing() -> Iterator[int]:
    yield 1
    raise OSError("disk gone")


def test_all_items_come_in_order_and_the_end_stays():
    stream = Prefetched(iter(range(10)), depth=3)
    assert list(stream) == list(range(10))
    assert list(stream) == []


def test_it_works_ahead_by_depth_and_one_in_hand():
    drawn = []
    with Prefetched((drawn.append(i) or i for i in count()), depth=3) as stream:
        assert next(stream) == 0
        for _ in range(100):
            if len(drawn) == 5:
                break
            threading.Event().wait(0.01)
        threading.Event().wait(0.05)
        assert drawn == [0, 1, 2, 3, 4]


def test_an_exception_is_raised_in_its_place_every_time():
    stream = Prefetched(failing())
    assert next(stream) == 1
    for _ in range(2):
        with pytest.raises(OSError, match="disk gone"):
            next(stream)


def test_closing_ends_the_thread_and_the_iterator():
    with Prefetched(count()) as stream:
        next(stream)
        assert threads() == 1
    assert threads() == 0
    assert list(stream) == []


def test_letting_go_ends_the_thread():
    stream = Prefetched(count())
    next(stream)
    del stream
    gc.collect()
    assert threads() == 0


def test_depth_is_checked():
    with pytest.raises(ValueError, match="depth=0"):
        Prefetched(iter([]), depth=0)
