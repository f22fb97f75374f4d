"""Traces of chosen steps, with the profiler replaced by one that only listens."""

import os
import signal

import jax
import jax.numpy as jnp
import pytest

from mt3synth.errors import UserError
from mt3synth.training.monitoring.profiling import ON_SIGNAL, Profiler, parse_span


@pytest.fixture
def heard(monkeypatch):
    """Records what the profiler was told, with the step at which it was."""
    told = []
    monkeypatch.setattr(jax.profiler, "start_trace", lambda folder: told.append(("on", folder)))
    monkeypatch.setattr(jax.profiler, "stop_trace", lambda: told.append(("off",)))
    return told


def test_the_steps_asked_for_are_traced(tmp_path, heard):
    with Profiler(tmp_path, parse_span("3:5")) as profiler:
        for step in range(1, 8):
            profiler.at(step, jnp.ones(1))
            heard.append(step)
    on, off = ("on", str(tmp_path / "profile")), ("off",)
    assert heard == [1, 2, on, 3, 4, off, 5, 6, 7]


def test_a_trace_under_way_ends_with_the_loop(tmp_path, heard):
    with pytest.raises(KeyboardInterrupt), Profiler(tmp_path, (1, 100)) as profiler:
        profiler.at(1, jnp.ones(1))
        raise KeyboardInterrupt
    assert [told[0] for told in heard] == ["on", "off"]


def test_a_signal_asks_for_the_next_steps(tmp_path, heard):
    before = signal.getsignal(signal.SIGUSR2)
    with Profiler(tmp_path) as profiler:
        profiler.at(6, jnp.ones(1))
        os.kill(os.getpid(), signal.SIGUSR2)
        for step in range(7, 30):
            profiler.at(step, jnp.ones(1))
            heard.append(step)
    assert heard[1:].index(("off",)) == ON_SIGNAL and heard[0][0] == "on"
    assert signal.getsignal(signal.SIGUSR2) == before


@pytest.mark.parametrize("text", ["5", "5:5", "7:3", "a:b", ":3", "-1:3"])
def test_other_spans_are_refused(text):
    with pytest.raises(UserError, match="must be START:STOP"):
        parse_span(text)
