"""Of two processes that want to write the same only one does, and the other says so."""

import subprocess
import sys
from pathlib import Path

import pytest

from mt3synth.errors import UserError
from mt3synth.exclusive import clear, hold, hold_folder

HOLDS = """
import sys
from pathlib import Path
from mt3synth import exclusive
with getattr(exclusive, sys.argv[1])(Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


def another(way: str, path: Path) -> subprocess.Popen[str]:
    """Starts a process that holds ``path``, and waits until it does."""
    command = [sys.executable, "-c", HOLDS, way, str(path)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize(("way", "ours"), [("hold", hold), ("hold_folder", hold_folder)])
def test_the_second_is_told_and_the_lock_goes_with_the_first(tmp_path: Path, way, ours) -> None:
    path = tmp_path / "new"
    with another(way, path) as first:
        with pytest.raises(UserError, match="new is being written by another process"):
            ours(path).__enter__()
        first.kill()
    # What a killed one leaves is a file that nobody holds.
    assert list(tmp_path.rglob(".*busy"))
    with ours(path), ours(path):
        clear(path)
        assert list(tmp_path.rglob(".*busy"))
    assert not list(tmp_path.rglob(".*busy"))


def test_where_nothing_can_be_written_nothing_is_held(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        hold(tmp_path / "none/song.wav"),
        hold_folder(tmp_path / "file/below"),
        hold(Path("/dev/null")),
    ):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_what_is_left_of_one_that_was_done_goes(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    (tmp_path / ".song.wav.busy").touch()
    clear(path)
    with another("hold", path) as first:
        clear(path)
        assert (tmp_path / ".song.wav.busy").exists()
        first.kill()
