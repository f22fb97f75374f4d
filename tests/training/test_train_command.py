"""Checks what `mt3synth train` refuses before anything is trained: one line, status 2."""

import argparse
import os

import pytest

from mt3synth.cli import main
from mt3synth.commands import train


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mesh", "rows=2"], "'rows=2' is not AXIS=N with one of data, fsdp, tensor"),
        (["--mesh", "data=2,data=2"], "'data=2' is not AXIS=N"),
        (["--mesh", "fsdp"], "'fsdp' is not AXIS=N"),
        (["--process-count", "2"], "MT3SYNTH_COORDINATOR and MT3SYNTH_PROCESS_INDEX must be set"),
        (["--coordinator", "here", "--process-count", "1", "--process-index", "0"], "HOST:PORT"),
        (["--budget-minutes", "soon"], "invalid float value: 'soon'"),
    ],
)
def test_bad_options_are_said_in_one_line(arguments, message, capsys):
    assert main(["train", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_native_libraries_are_quiet_unless_told_otherwise(monkeypatch, capsys):
    for before, after in ((None, "2"), ("0", "0")):
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", before or "")
        if before is None:
            monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL")
        assert main(["train", "--process-count", "2"]) == 2
        assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == after


def test_flags_are_bindings_only_where_they_are_given():
    """So that a macro that a gin file sets stands."""
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    assert train._bindings(parser.parse_args([])) == []
    given = ["--init-from", "default", "--only-mine", "--keep-known", "--allow-untrained"]
    assert train._bindings(parser.parse_args(given)) == [
        "INIT_FROM='default'",
        "ONLY_MINE=True",
        "KEEP_KNOWN=True",
        "ALLOW_UNTRAINED=True",
    ]
