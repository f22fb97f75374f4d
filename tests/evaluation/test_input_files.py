"""Folders and the table: what belongs to what, and what is wrong."""

from pathlib import Path

import numpy as np
import pytest
from evaluation_cases import write_audio

from mt3synth.audio.files import write_audio as write_with_metadata
from mt3synth.errors import UserError
from mt3synth.evaluation.evaluation_set import EvaluationSet, Seams
from mt3synth.evaluation.input_files import EvaluationPaths, read_evaluation_set

BEEP = (0.1 * np.sin(np.arange(1600))).astype(np.float32)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (
        "generated/a.wav", "generated/hall/b.wav", "ref/studio/a.flac", "ref/studio/other.wav",
        "ref/hall/b.wav", "ref/hall/deep/c.wav", "held/studio/x.wav",
    ):  # fmt: skip
        write_audio(tmp_path / name, BEEP)
    return tmp_path


def read(
    root: Path, table: str, real: str | None = None, seams: Seams | None = None
) -> EvaluationSet:
    (root / "map.csv").write_text(table)
    held = None if real is None else root / real
    return read_evaluation_set(
        EvaluationPaths(root / "generated", root / "ref", root / "map.csv", held), seams
    )


TABLE = "performance, audio\nstudio,a.wav\nhall,hall/b.wav\n"


def test_counterparts_leave_the_groups(root: Path) -> None:
    found = read(root, TABLE)
    assert [(p.name, p.performance) for p in found.pieces] == [
        ("a.wav", "studio"), ("hall/b.wav", "hall")
    ]  # fmt: skip
    assert [Path(str(p.real)).name for p in found.pieces] == ["a.flac", "b.wav"]
    assert [r.name for r in found.recordings] == ["hall/deep/c.wav", "studio/other.wav"]
    assert found.problems == []


def test_held_out_recordings_and_named_references(root: Path) -> None:
    table = "audio,performance,reference\na.wav,studio,held/studio/x.wav\nhall/b.wav,hall,none.wav"
    found = read(root, table, real="held")
    assert str(found.pieces[0].real).endswith("held/studio/x.wav")
    assert found.pieces[1].real is None
    assert found.held_out == []
    assert [p.reason for p in found.problems] == ["reference none.wav: no such file"]
    assert len(found.recordings) == 4
    assert len(read(root, "audio,performance\na.wav,studio", real="held").held_out) == 1


def test_a_recording_kept_twice_leaves_the_groups_twice(root: Path) -> None:
    write_audio(root / "ref/studio/a.wav", BEEP)
    found = read(root, TABLE)
    assert [r.name for r in found.recordings] == ["hall/deep/c.wav", "studio/other.wav"]


def test_held_out_recordings_are_none_of_the_others(root: Path) -> None:
    (root / "held/studio/x.wav").unlink()
    (root / "held/studio/x.wav").symlink_to(root / "ref/studio/other.wav")
    message = "--real .*held: 1 of its recordings are in --reference .*, such as studio/x.wav"
    with pytest.raises(UserError, match=message):
        read(root, TABLE, real="held")
    with pytest.raises(UserError, match="4 of its recordings"):
        read(root, TABLE, real="ref")


def test_a_performance_without_other_recordings_is_said(root: Path) -> None:
    (root / "ref/hall/deep/c.wav").unlink()
    (problem,) = read(root, TABLE).problems
    assert problem.item == "performance hall"
    assert "besides those of the same pieces" in problem.reason
    (problem,) = read(root, "audio,performance\na.wav,nobody").problems
    assert "no recordings in" in problem.reason


def test_rows_that_are_wrong_leave_the_others(root: Path) -> None:
    table = (
        "audio,performance,midi,wall_seconds\na.wav,studio,no.mid,\nhall/b.wav,hall,,-2\n"
        "a.wav,hall,,\n,hall,,\nnone.wav,hall,,\nb,c.wav,hall,,\n"
    )
    found = read(root, table)
    assert [p.name for p in found.pieces] == ["a.wav"]
    reasons = "\n".join(p.reason for p in found.problems)
    for part in (
        "midi no.mid: no such file", "line 3 of map.csv: wall_seconds '-2'; must be seconds",
        "line 4: stands there twice", "line 5 of map.csv: audio is empty", "none.wav: no such file",
        "line 7 of map.csv: more fields than the head has; put names with commas in quotes",
    ):  # fmt: skip
        assert part in reasons


def test_seams_and_wall_time_from_the_file(root: Path) -> None:
    about = {"window_hop": "4.48", "window_overlap": "0.64", "wall_seconds": "3"}
    write_with_metadata(root / "generated/a.wav", BEEP, 16000, about)
    found = read(root, TABLE)
    assert found.pieces[0].seams == Seams(4.48, 0.64)
    assert found.pieces[0].wall_seconds == 3.0
    assert found.pieces[1].seams is None
    assert {p.seams for p in read(root, TABLE, seams=Seams(1.0)).pieces} == {Seams(1.0)}


@pytest.mark.parametrize(
    "table, message",
    [
        ("audio\na.wav", "columns are audio; must be audio,performance and any of"),
        ("audio,performance,name\n", "columns are audio,performance,name"),
        ("", "columns are none"),
        ("audio,performance\n", "has no rows under its head"),
        ("audio,performance\nx.wav,studio", "nothing in it can be used; line 2 of map.csv"),
    ],
)
def test_tables_that_cannot_be_used(root: Path, table: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(root, table)


def test_folders_that_are_not_there(root: Path) -> None:
    (root / "map.csv").write_text(TABLE)
    empty = root / "empty"
    empty.mkdir()
    generated, ref, table = root / "generated", root / "ref", root / "map.csv"
    for paths, message in (
        ((root / "none", ref, table), "--generated .*none: no such"),
        ((generated, root / "none", table), "--reference .*: no such"),
        ((generated, empty, table), "no recordings; put those of each"),
        ((generated, ref, root / "x.csv"), "x.csv: cannot be read"),
        ((generated, ref, table, empty), "--real .*no record"),
    ):
        with pytest.raises(UserError, match=message):
            read_evaluation_set(EvaluationPaths(*paths))


def test_metrics_that_take_a_piece(root: Path) -> None:
    table = "audio,performance,metrics\na.wav,studio,notes  speed\nhall/b.wav,hall,\n"
    found = read(root, table)
    assert [p.metrics for p in found.pieces] == [{"notes", "speed"}, None]
    (problem,) = read(root, table.replace("speed", "spede")).problems
    assert "metrics spede; must be of fad performance_classifier notes" in problem.reason
