"""Files that a bundle's evaluation leaves: what they hold, and that they are made once."""

import csv
from pathlib import Path

import numpy as np
from evaluation_cases import RATE, sound, tune

from mt3synth.audio.files import read_audio
from mt3synth.audio.mel import MELGAN, log_mel
from mt3synth.evaluation.bundle.excerpts import Excerpt
from mt3synth.evaluation.bundle.render_set import render_set
from mt3synth.evaluation.bundle.renderers import Rendered, Workbench
from mt3synth.evaluation.input_files import read_material
from mt3synth.evaluation.metrics.seams import Joins
from mt3synth.symbolic.notes import Notes

NAMES = ("dull", "bright")
JOINS = Joins(1.0, 0.25)


class Hum:
    """A vocoder of one note, as long as the frames."""

    spec = MELGAN

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        return np.full(len(frames) * MELGAN.hop, 0.25, np.float32)


def bench(calls: list[str]) -> Workbench:
    def real(notes: Notes, performance: int, seconds: float) -> np.ndarray:
        calls.append("real")
        return sound(notes, NAMES[performance], seconds=seconds)

    def model(notes: Notes, performance: int, seconds: float) -> Rendered:
        calls.append("model")
        return Rendered(log_mel(sound(notes, NAMES[performance], seconds=seconds), MELGAN), 0.5)

    return Workbench(NAMES, MELGAN, model, real, Hum(), 3.0, 0)


def test_pieces_with_counterparts_notes_joins_and_times(tmp_path: Path) -> None:
    calls: list[str] = []
    excerpts = [Excerpt("mozart/k80: 1", tune(0, 3.0)), Excerpt("b", tune(1, 3.0))]
    (tmp_path / "recordings/dull").mkdir(parents=True)
    (tmp_path / "recordings/dull/x.wav").write_bytes(b"")
    identity = {"bundle": "a"}
    places = render_set(bench(calls), excerpts, JOINS, identity, tmp_path, str)
    assert sorted(calls) == ["model"] * 4 + ["real"] * 4
    with open(places.table, newline="") as file:
        assert [row["performance"] for row in csv.DictReader(file)] == ["dull", "bright"] * 2
    found = read_material(places)
    assert [p.joins for p in found.pieces] == [JOINS] * 4
    for piece in found.pieces:
        assert piece.notes is not None and isinstance(piece.real, Path)
        assert piece.wall_seconds is not None and piece.wall_seconds > 0.5
        assert len(read_audio(piece.real, RATE)) == 3 * RATE
    first = found.pieces[0].notes
    assert first is not None
    np.testing.assert_array_equal(first().pitch, excerpts[0].notes.pitch)

    calls.clear()
    render_set(bench(calls), excerpts, JOINS, identity, tmp_path, str)
    assert calls == []
    render_set(bench(calls), excerpts, JOINS, {"bundle": "b"}, tmp_path, str)
    assert calls == ["model"] * 4  # the real ones are what they were
