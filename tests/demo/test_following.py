"""Work that is followed, and left."""

import threading

import pytest

from mt3synth.demo.following import Progress, Result, Stopped, follow


def test_what_work_tells_of_itself_and_what_comes_out():
    def work(tell):
        tell("first", None)
        tell("second", 0.5)
        return 7

    *told, result = follow(work)
    assert result == Result(7)
    # What was told before somebody looked is passed over, for it is no longer true.
    assert all(each in (Progress("first"), Progress("second", 0.5)) for each in told)


def test_an_error_is_raised_where_work_is_waited_for():
    def work(tell):
        raise KeyError("no such thing")

    with pytest.raises(KeyError):
        list(follow(work))


def test_work_that_is_left_ends_before_the_next_begins():
    ended, steps = threading.Event(), []

    def work(tell):
        try:
            while True:
                tell("on and on", None)
                steps.append(1)
        except Stopped:
            ended.set()
            raise

    following = follow(work)
    assert next(following) == Progress("on and on")
    following.close()
    assert ended.is_set()
    count = len(steps)
    assert list(follow(lambda tell: 1)) == [Result(1)]
    assert len(steps) == count
