"""Checks what `mt3synth train` refuses before anything is trained: one line, status 2."""

import argparse
import os
import subprocess
import sys

import pytest
from song_cases import noise_song

from data_pipelines.performances import PerformanceEntry, write_performances
from data_pipelines.shards.formats import FORMATS
from data_pipelines.shards.names import shard_path
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


def test_nothing_is_said_above_the_first_line(tmp_path):
    """Of devices, TensorFlow or CUDA, by a process of its own that reads data and finds JAX's."""
    kind = FORMATS["tfrecord"]
    for split in ("train", "validation"):
        song = noise_song(split, 6.0, 0)
        kind.write(shard_path(tmp_path, split, 0, 1, kind.suffix), [song])
    write_performances(tmp_path, [PerformanceEntry("mine", "")])
    command = [sys.executable, "-m", "mt3synth", "train", "--data", tmp_path]
    command += ["--run", tmp_path / "run", "--gin.BATCH_SIZE=3", "--gin.TrainConfig.accumulation=2"]
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "batch_size=3 does not divide" in line


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
