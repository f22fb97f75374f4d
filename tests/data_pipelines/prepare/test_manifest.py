"""Tables of recordings: what is read of them, and what is wrong with them."""

from pathlib import Path

import pytest
from recording_cases import write_manifest

from data_pipelines.prepare.manifest import read_manifest
from mt3synth.errors import UserError


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("audio,midi\na,b\n", "has no column performance"),
        ("audio;midi;performance\na;b;c\n", "has no column audio, midi, performance"),
        ("audio,midi,performance,tempo\na,b,c,d\n", "column 'tempo' is not known"),
        ("audio,midi,performance\n", "has no rows"),
        ("", "has no column"),
        ('audio,midi,performance\na,"b\n', "is no CSV file"),
    ],
)
def test_manifests_that_are_wrong_as_a_whole(content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text(content)
    with pytest.raises(UserError, match=words):
        read_manifest(tmp_path / "pairs.csv")


def test_manifests_of_other_programs(tmp_path: Path) -> None:
    """Reads a byte-order mark, Windows' line ends, spaces after commas and a blank line."""
    text = "\ufeffaudio, midi, performance\r\na.wav, a.mid, trio\r\n\r\nb.wav,b.mid,trio\r\n"
    (tmp_path / "pairs.csv").write_bytes(text.encode())
    recordings, rejections = read_manifest(tmp_path / "pairs.csv")
    assert [r.id for r in recordings] == ["a.wav", "b.wav"] and not rejections
    (tmp_path / "pairs.csv").write_bytes("audio,midi,performance\n\xe4,b,c\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"is not in UTF-8 \(byte 23\)"):
        read_manifest(tmp_path / "pairs.csv")
    with pytest.raises(UserError, match="cannot be read"):
        read_manifest(tmp_path / "none.csv")


def test_rows_that_are_wrong_in_themselves(tmp_path: Path) -> None:
    listed = [
        "a.wav,a.mid,x,training,,",
        "a.wav,a.mid,x,train,one,",
        "a.wav,a.mid,x,train,3,2",
        "a.wav,a.mid,x,train,nan,",
        "a.wav,a.mid,x",
        "a.wav,a.mid,x,train,1,2,3",
    ]
    columns = "audio,midi,performance,split,start,end"
    recordings, rejections = read_manifest(write_manifest(tmp_path / "p.csv", listed, columns))
    assert recordings == []
    assert [r.reason.removeprefix(f"line {i} of p.csv: ") for i, r in enumerate(rejections, 2)] == [
        "split 'training'; must be one of train, validation, test",
        "start is 'one'; must be a number of seconds",
        "end 2.0 s; must be after start, 3.0 s",
        "start nan s; must be at least 0 s",
        "has not as many cells as there are columns (6)",
        "has not as many cells as there are columns (6)",
    ]
