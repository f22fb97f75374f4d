"""A Ctrl-C that something swallowed is heard all the same."""

import contextlib
import os
import signal
import time

import pytest

from mt3synth.commands.shared.interrupts import Interrupts


@pytest.fixture(autouse=True)
def handler():
    """Python's own: a background job of a shell inherits that SIGINT is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_swallowed_interrupt_is_raised_again():
    with Interrupts() as interrupts:
        interrupts.check()
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
