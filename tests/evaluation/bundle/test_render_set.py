"""Files that a bundle's evaluation leaves: what they hold, and that they are made once."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation_cases import RATE, sound, tune

from mt3synth.audio.files import read_audio
from mt3synth.audio.mel import MELGAN, log_mel
from mt3synth.errors import UserError
from mt3synth.evaluation.bundle.excerpts import Excerpt
from mt3synth.evaluation.bundle.render_set import SetOptions, plan, render_pieces
from mt3synth.evaluation.bundle.renderers import Rendered, Renderers
from mt3synth.evaluation.evaluation_set import Seams
from mt3synth.evaluation.input_files import EvaluationPaths, read_evaluation_set
from mt3synth.symbolic.notes import Notes

NAMES = ("dull", "bright")
SEAMS = Seams(1.0, 0.25)


class Hum:
    """A vocoder of one note, as long as the frames."""

    spec = MELGAN

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        return np.full(len(frames) * MELGAN.hop, 0.25, np.float32)


def renderers(calls: list[str]) -> Renderers:
    def real(notes: Notes, performance: int, seconds: float) -> np.ndarray:
        calls.append("real")
        return sound(notes, NAMES[performance], seconds=seconds)

    def model(notes: Notes, performance: int, seconds: float) -> Rendered:
        calls.append("model")
        return Rendered(log_mel(sound(notes, NAMES[performance], seconds=seconds), MELGAN), 0.5)

    return Renderers(NAMES, MELGAN, model, real, Hum())


def test_plan_of_all_parts() -> None:
    excerpts = [Excerpt(f"song {i}", tune(i, 3.0)) for i in range(4)]
    options = SetOptions(excerpts=4, crossed=2, levels=1, seconds=3.0, performance=1)
    pieces = plan(excerpts, options, performances=2)
    crossed, others, levels = pieces[:4], pieces[4:6], pieces[6:]
    assert [(p.song, p.performance, p.metrics) for p in crossed] == [
        ("song 0", 0, ""), ("song 0", 1, ""), ("song 2", 0, ""), ("song 2", 1, "")
    ]  # fmt: skip
    assert [(p.song, p.performance) for p in others] == [("song 1", 1), ("song 3", 1)]
    assert others[0].metrics == "notes audio_distance loudness dynamics thin seams speed"
    assert [set(p.notes.velocity.tolist()) for p in levels] == [{30}, {110}]
    assert {(p.song, p.performance, p.metrics) for p in levels} == {("song 0", 1, "dynamics")}
    assert len({p.stem for p in pieces}) == 6  # one for each song, and two of the levels
    assert plan(excerpts, replace(options, parts=()), 2) == []


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"recordings": 0}, "--recordings 0; must be at least 1"),
        ({"levels": 25}, "--levels 25; must be at most --excerpts 24"),
        ({"seconds": 61.0}, "--seconds 61.0; must be within 1..60 s"),
    ],
)
def test_sizes_that_make_no_set(wrong: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        SetOptions(**wrong)


def test_pieces_with_counterparts_notes_seams_and_times(tmp_path: Path) -> None:
    calls: list[str] = []
    excerpts = [Excerpt("mozart/k80: 1", tune(0, 3.0)), Excerpt("b", tune(1, 3.0))]
    pieces = plan(
        excerpts, SetOptions(("crossed",), excerpts=2, crossed=2, levels=1, seconds=3.0), 2
    )
    (tmp_path / "recordings/dull").mkdir(parents=True)
    (tmp_path / "recordings/dull/x.wav").write_bytes(b"")

    def render(identity: str) -> Path:
        calls.clear()
        made = renderers(calls)
        return render_pieces(pieces, 3.0, made, SEAMS, {"bundle": identity}, tmp_path, str)

    table = render("a")
    assert sorted(calls) == ["model"] * 4 + ["real"] * 4
    with open(table, newline="") as file:
        assert [row["performance"] for row in csv.DictReader(file)] == ["dull", "bright"] * 2
    paths = EvaluationPaths(tmp_path / "generated", tmp_path / "recordings", table)
    found = read_evaluation_set(paths)
    assert [p.seams for p in found.pieces] == [SEAMS] * 4
    for piece in found.pieces:
        assert piece.notes is not None and isinstance(piece.real, Path)
        assert piece.wall_seconds is not None and piece.wall_seconds > 0.5
        assert len(read_audio(piece.real, RATE)) == 3 * RATE
    first = found.pieces[0].notes
    assert first is not None
    np.testing.assert_array_equal(first().pitch, excerpts[0].notes.pitch)

    render("a")
    assert calls == []
    render("b")
    assert calls == ["model"] * 4  # the real ones are what they were
