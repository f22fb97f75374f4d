"""Standard input is a MIDI file, and a standard error that fails costs no rendering."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from cli_cases import write_song

from mt3synth.cli import COMMANDS
from mt3synth.standard_error import survive_broken_stderr

ROOT = Path(__file__).parents[2]
FAST = "--steps 2 --gin.griffin_lim.GriffinLim.iterations=1"

# A shell that reads nothing of what it is told has gone before the first line.
BROKEN = {
    "closed": "2>&-",
    "full": "2>/dev/full",
    "unread": "2> >(exec true)",
    "all": "<&- >&- 2>&-",
}


class Full(io.StringIO):
    """A log on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(28, os.strerror(28))


def shell(line: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHON": sys.executable}
    return subprocess.run(["bash", "-c", line], env=environment, capture_output=True, **options)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
@pytest.mark.parametrize("redirection", BROKEN.values(), ids=list(BROKEN))
def test_a_rendering_outlives_standard_error(bundle_folder, redirection):
    write_song("song.mid", 60, 125)  # the second note would be reported
    command = f"synthesize song.mid --bundle {bundle_folder} {FAST}"
    done = shell(f'"$PYTHON" -m mt3synth {command} {redirection}')
    assert (done.returncode, done.stdout) == (0, b"")
    assert soundfile.info("song.wav").frames == 3 * 16000
    # Nothing but the sound is in the file, whose descriptor might have been that of the messages.
    assert np.abs(soundfile.read("song.wav")[0]).max() <= 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_recordings_are_vocoded_all_the_same(bundle_folder):
    soundfile.write("in.wav", 0.1 * np.sin(np.arange(8000) / 5), 16000)
    done = shell(f'"$PYTHON" -m mt3synth vocode in.wav -o out.wav --bundle {bundle_folder} 2>&-')
    assert done.returncode == 0
    assert soundfile.info("out.wav").frames == 8000


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_keeps_its_exit_status(run, monkeypatch, command):
    monkeypatch.setattr(sys, "stderr", Full())
    assert run(command, "--no-such-option").status == 2
    assert isinstance(sys.stderr, Full)


def test_what_can_be_written_is_written(capsys):
    with survive_broken_stderr():
        print("said", file=sys.stderr)
        assert not sys.stderr.isatty()
    assert capsys.readouterr().err == "said\n"


def test_the_first_failure_is_the_last(monkeypatch):
    stream = Full()
    monkeypatch.setattr(sys, "stderr", stream)
    with survive_broken_stderr():
        print("lost", file=sys.stderr, flush=True)
        stream.write = None  # it is not tried again
        print("lost", file=sys.stderr, flush=True)
    monkeypatch.setattr(sys, "stderr", None)
    with survive_broken_stderr():
        print("lost", file=sys.stderr, flush=True)


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
@pytest.mark.parametrize("source", ["cat song.mid |", "< song.mid"])
def test_standard_input_by_either_name(bundle_folder, name, source):
    write_song("song.mid", 60)
    command = f'"$PYTHON" -m mt3synth synthesize {name} --bundle {bundle_folder} {FAST}'
    done = shell(f"{source} {command}" if "|" in source else f"{command} {source}")
    assert done.returncode == 0, done.stderr
    assert soundfile.info("stdin.wav").frames == 3 * 16000


def test_a_closed_standard_input_is_one_line(bundle_folder):
    done = shell(f'"$PYTHON" -m mt3synth synthesize - --bundle {bundle_folder} <&-')
    assert done.returncode == 2
    said = done.stderr.decode().splitlines()
    assert said == ["mt3synth synthesize: standard input: cannot be read (it is closed)"]


def test_a_closed_standard_output_is_one_line(bundle_folder):
    write_song("song.mid", 60)
    done = shell(
        f'"$PYTHON" -m mt3synth synthesize song.mid --bundle {bundle_folder} --stream - >&-'
    )
    assert done.returncode == 2
    said = "--stream - has no standard output to write to; pipe it into a player"
    assert done.stderr.decode().splitlines() == [f"mt3synth synthesize: {said}"]


def test_nobody_is_told_that_nobody_reads(run, bundle_folder, monkeypatch):
    """As with ``mt3synth performances | head -1``, where the reader has gone before the end."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        outcome = run("performances", "--bundle", bundle_folder)
        monkeypatch.undo()
    assert outcome.status == 0 and outcome.err == []
