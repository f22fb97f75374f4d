"""Signals end a run after its step."""

import os
import signal

import pytest

from mt3synth.training.preemption import Stopped, StopRequests


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_is_a_request_and_handlers_are_put_back(number, status):
    before = signal.getsignal(number)
    with StopRequests() as stop:
        assert stop.reached(1) is None
        os.kill(os.getpid(), number)
        assert stop.reached(2) == number
        assert Stopped(2, stop.reached(2)).status == status
    assert signal.getsignal(number) == before


def test_who_presses_ctrl_c_twice_does_not_wait():
    with pytest.raises(KeyboardInterrupt), StopRequests():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
