"""Files are there whole, or not at all."""

import errno
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mt3synth.atomic import (
    remove_abandoned,
    remove_unfinished,
    scratch_folder,
    write_atomically,
    write_bytes,
    write_folder,
    write_texts,
)
from mt3synth.errors import UserError


def test_replaces_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with write_atomically(path) as unfinished:
        unfinished.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_what_the_disk_refuses_names_the_file_and_not_the_hidden_one(tmp_path: Path) -> None:
    with pytest.raises(OSError) as full, write_atomically(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError) as lost, write_atomically(tmp_path / "gone/a") as unfinished:
        unfinished.touch()
    assert full.value.filename == str(tmp_path / "a")
    assert lost.value.filename == str(tmp_path / "gone/a")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error), write_atomically(path) as unfinished:
        unfinished.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "new"
    with pytest.raises(ZeroDivisionError), write_folder(folder, UserError) as unfinished:
        (unfinished / "a").touch()
        raise ZeroDivisionError
    assert list(folder.parent.iterdir()) == []
    (folder.parent / ".new.0.unfinished").mkdir()  # of a process that was killed
    (folder.parent / ".other.0.unfinished").mkdir()  # of somebody else, maybe at work
    with write_folder(folder, UserError) as unfinished:
        (unfinished / "a").touch()
        assert not folder.exists()
    assert (folder / "a").exists()
    assert {p.name for p in folder.parent.iterdir()} == {"new", ".other.0.unfinished"}
    with pytest.raises(UserError, match="new exists; give a new folder"):
        write_folder(folder, UserError).__enter__()


def test_what_cannot_be_written_is_an_error_of_the_given_class(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write .*below: "):
        write_folder(tmp_path / "file" / "below", UserError).__enter__()


def test_leftovers_are_recognised(tmp_path: Path) -> None:
    context = write_atomically(tmp_path / "a")
    context.__enter__().mkdir()
    write_bytes(tmp_path / "b", b"whole")
    remove_unfinished(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["b"]


def test_texts_and_the_option_that_says_where(tmp_path: Path) -> None:
    write_texts(tmp_path / "deep/er", {"ä.txt": "ö\n", "b": ""}, "--out")
    assert (tmp_path / "deep/er/ä.txt").read_bytes() == "ö\n".encode()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"--out .*file: "):
        write_texts(tmp_path / "file", {"a": ""}, "--out")


KILLED = """
import os, sys
from pathlib import Path
from mt3synth.atomic import scratch_folder, write_atomically
with scratch_folder() as folder, write_atomically(Path(sys.argv[1])) as unfinished:
    unfinished.touch()
    os.kill(os.getpid(), 9)
"""


def test_what_a_killed_process_left_goes_and_what_others_are_at_work_on_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "song.wav")], check=False)
    (tmp_path / ".old.1a2b3c4d.unfinished").touch()  # of an earlier version
    (left,) = (tmp_path / "scratch").iterdir()
    assert len(list(tmp_path.glob(".song.wav.*.unfinished"))) == 1
    with write_atomically(tmp_path / "other.wav") as unfinished:
        unfinished.touch()
        remove_abandoned(tmp_path)  # it did so when it began
        kept = {path.name for path in tmp_path.glob(".*")}
        assert kept == {".old.1a2b3c4d.unfinished", unfinished.name}
    with scratch_folder() as one, scratch_folder() as other:
        assert not left.exists() and one.exists() and other.exists()
    assert not list((tmp_path / "scratch").iterdir())
