"""Files are there whole, or not at all."""

from pathlib import Path

import pytest

from mt3synth.atomic import appearing_whole, write_texts
from mt3synth.errors import UserError


def test_replaces_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with appearing_whole(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error), appearing_whole(path) as part:
        part.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_texts_and_the_option_that_says_where(tmp_path: Path) -> None:
    write_texts(tmp_path / "deep/er", {"ä.txt": "ö\n", "b": ""}, "--out")
    assert (tmp_path / "deep/er/ä.txt").read_bytes() == "ö\n".encode()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"--out .*file: "):
        write_texts(tmp_path / "file", {"a": ""}, "--out")
