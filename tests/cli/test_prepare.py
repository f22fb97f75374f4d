"""`mt3synth prepare`: what its commands print and with which status they end."""

from pathlib import Path

import pytest
from recording_cases import write_manifest, write_pair

from mt3synth import cli


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    for i, name in enumerate("ab"):
        write_pair(tmp_path, name, seed=i)
    return write_manifest(tmp_path / "pairs.csv", ["a.wav,a.mid,trio", "b.wav,b.mid,trio"])


def run(*argv) -> int:
    return cli.main(["prepare", *map(str, argv)])


def test_pairs(manifest: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    assert run("pairs", "--manifest", manifest, "--out", out, "--workers", 1) == 0
    printed = capsys.readouterr().out
    assert printed == "train: 1 songs, 0.00 h (1 trio)\nvalidation: 1 songs, 0.00 h (1 trio)\n"
    manifest.write_text(manifest.read_text() + "c.wav,c.mid,trio\n")
    assert run("pairs", "--manifest", manifest, "--out", out, "--workers", 1) == 3
    assert "rejected: " in capsys.readouterr().out
    assert (out / "rejected.csv").read_text().count("\n") == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--format", "parquet"], "format 'parquet'; must be one of tfrecord, numpy"),
        (["--shard-minutes", "0"], "shards of 0.0 minutes; must be more than 0"),
        (["--workers", "0"], "0 workers; must be at least 1"),
        (["--beam", "", "--workers", "2"], "--workers is for this machine"),
        (["--validation-share", "1"], "validation share 1.0; must be in [0, 1)"),
    ],
)
def test_pairs_refuses(options: list[str], words: str, manifest, tmp_path: Path, capsys) -> None:
    assert run("pairs", "--manifest", manifest, "--out", tmp_path / "out", *options) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("mt3synth prepare pairs: ") and words in error


def test_rules_of_a_known_data_set(capsys) -> None:
    with pytest.raises(SystemExit) as end:
        run("maestro", "--list-performances")
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("year: ")


def test_a_folder_that_is_no_known_data_set(tmp_path: Path, capsys) -> None:
    for name in ("maestro", "musicnet", "urmp", "guitarset", "slakh", "mt3-tfrecords"):
        assert run(name, "--source", tmp_path, "--out", tmp_path / "out") == 2
        assert str(tmp_path) in capsys.readouterr().err
    assert run("urmp", "--source", tmp_path, "--out", tmp_path, "--performances", "mood") == 2
    assert "mood" in capsys.readouterr().err


def test_the_old_name_of_a_data_set_is_answered(tmp_path: Path, capsys) -> None:
    assert run("ancestor", "--source", tmp_path, "--out", tmp_path / "out") == 2
    words = "`mt3synth prepare ancestor` is now `mt3synth prepare mt3-tfrecords`"
    assert capsys.readouterr().err.splitlines() == [f"mt3synth: {words}"]
