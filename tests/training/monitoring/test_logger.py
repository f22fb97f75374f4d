"""Checks what a run shows, on a terminal and in a log."""

import io
import sys

import pytest

from mt3synth.training.monitoring.logger import Logger


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def showing(folder, first: int = 0) -> None:
    logger = Logger(folder, first, None)
    logger.info("three networks")
    logger.advance(4, None)
    logger.status({"loss": "2.5", "left": "0:10"})
    logger.advance(8, 20)
    logger.status({"loss": "1.5"})
    logger.scalars({"train/loss": 1.5}, 8)
    logger.close()


def test_a_log_gets_a_line_for_each_report(tmp_path, capsys):
    showing(tmp_path)
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "three networks",
        "step 4: loss 2.5, left 0:10",
        "step 8 of 20: loss 1.5",
    ]
    assert not err and "\r" not in out
    assert list((tmp_path / "tensorboard").iterdir())


def test_a_terminal_gets_a_bar_with_what_is_said_above_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    showing(tmp_path)
    shown = sys.stderr.getvalue()
    assert "8/20" in shown and "loss=1.5" in shown and "\r" in shown
    assert capsys.readouterr().out.splitlines() == ["three networks"]


@pytest.mark.parametrize("terminal", [False, True])
def test_another_process_shows_nothing(tmp_path, capsys, monkeypatch, terminal):
    monkeypatch.setattr("jax.process_index", lambda: 1)
    if terminal:
        monkeypatch.setattr(sys, "stderr", Terminal())
    showing(tmp_path)
    assert capsys.readouterr().out == ""
    assert not terminal or sys.stderr.getvalue() == ""
    assert not list(tmp_path.iterdir())
