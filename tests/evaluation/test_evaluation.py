"""An evaluation from end to end, on performances that are plain to tell apart."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluation_cases import (
    EXAMPLES,
    JUDGE,
    NAMES,
    RATE,
    all_at_once,
    evaluation_set,
    evaluators,
    half_a_score,
    sound,
    tune,
    write_audio,
    write_case,
)

from mt3synth.audio.mel import MELGAN
from mt3synth.evaluation.caching import CachedVocoder
from mt3synth.evaluation.evaluate import ExampleOptions, evaluate, write
from mt3synth.evaluation.report import csv_files
from mt3synth.symbolic.notes import Notes
from mt3synth.vocoder.griffin_lim import GriffinLim


@pytest.fixture
def unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws no pictures, which takes most of the time, for what is not about them."""
    monkeypatch.setattr("mt3synth.evaluation.evaluate._pictures", lambda *_: {})


def test_every_piece_is_nearest_to_its_own_performance(report: dict[str, Any]) -> None:
    assert report["problems"] == []
    assert report["pieces"] == 3 and report["recordings"] == 9
    for kind in ("generated", "vocoded", "real"):
        part = report["fad"]["by_piece"][kind]
        assert part["accuracy"] == {"1": 1.0, "3": 1.0, "5": 1.0}
        assert part["chance"]["1"] == pytest.approx(1 / 3)
        assert part["confusion"] == np.eye(3, dtype=int).tolist()
        assert part["group_fad"] == pytest.approx(
            np.mean([item["group_fad"] for item in part["items"]])
        )


def test_a_perfect_rendering_is_as_close_as_the_real_one(report: dict[str, Any]) -> None:
    fad = {kind: report["fad"]["all_fad"][kind] for kind in ("generated", "vocoded", "real")}
    assert len({part["count"] for part in fad.values()}) == 1  # or they could not be compared
    assert fad["generated"]["value"] == pytest.approx(fad["real"]["value"], rel=0.25)
    assert fad["vocoded"]["value"] > fad["real"]["value"]
    distances = report["audio_distance"]
    assert set(distances) == {"generated", "matched", "vocoded"}
    assert distances["generated"]["chroma"]["value"] > 0.99


def test_notes_are_counted_over_all_pieces(report: dict[str, Any]) -> None:
    scores = report["notes"][JUDGE]["scores"]
    assert report["notes"][JUDGE]["left_out"] == {"drum onset": "the scores have no drums"}
    note = scores["note"]["generated"]
    written = [len(tune(n)) for n in range(3)]
    assert note["reference"] == sum(written)
    assert note["estimated"] == 3 * len(tune(0).cropped(0.0, 9.0))
    assert note["matched"] >= len(tune(0).cropped(0.0, 9.0))
    assert scores["note"]["generated_over_vocoded"]["ratio"] == 1.0


def test_levels_and_speed(report: dict[str, Any]) -> None:
    # Amplitude is proportional to velocity: 12 dB from 30 to 120, steeper at the soft end.
    for kind in ("generated", "real"):
        assert 0.09 < report["dynamics"]["slope"][kind]["db_per_step"] < 0.16
    assert report["speed"]["rendering"]["times_real_time"] == pytest.approx(3 * 18.5 / 7.5)
    assert report["speed"]["rendering"]["median_times_real_time"] == pytest.approx(18.5 / 2.5)
    assert report["seams"]["generated"]["seams"] == 3 * 9


def test_performances_are_recognised_by_their_recordings(report: dict[str, Any]) -> None:
    part = report["performance_classifier"]
    assert part["trained_on"] == 9 and part["chance"] == pytest.approx(1 / 3)
    assert set(part["kinds"]) == {"generated", "matched", "vocoded", "real"}
    assert part["kinds"]["generated"]["accuracy"] == part["kinds"]["real"]["accuracy"] == 1.0
    assert part["kinds"]["generated"]["confusion"] == np.eye(3, dtype=int).tolist()


def test_notes_of_each_performance_stand_by_themselves(report: dict[str, Any]) -> None:
    by_performance = report["notes"][JUDGE]["by_performance"]
    assert sorted(by_performance) == ["bright", "dull", "hissing"]
    pooled = report["notes"][JUDGE]["scores"]["note"]["generated"]["matched"]
    assert sum(part["generated"]["matched"] for part in by_performance.values()) == pooled
    assert all(part["pieces"] == 1 for part in by_performance.values())


@pytest.mark.usefixtures("unseen")
def test_what_was_measured_is_not_measured_again(case: Path, folder: Path, monkeypatch) -> None:
    def never(*_):
        raise AssertionError("was there already")

    again = evaluators(case / "cache")
    monkeypatch.setattr(type(again.embedding), "__call__", never)
    monkeypatch.setattr(GriffinLim, "__call__", never)
    done = evaluate(evaluation_set(case), again, NAMES, ExampleOptions(0), all_at_once)
    kept = json.loads((folder / "report.json").read_text())
    assert json.loads(json.dumps(done.report["fad"])) == kept["fad"]


@pytest.mark.usefixtures("unseen")
def test_what_is_wrong_with_one_item_leaves_the_others(tmp_path: Path) -> None:
    root = write_case(tmp_path, ("dull", "bright")).root
    write_audio(root / "generated/1.wav", np.zeros(RATE))
    write_audio(root / "reference/dull/short.wav", sound(tune(3), "dull", seconds=0.5))
    (root / "0.mid").write_bytes(b"no MIDI")
    with open(root / "map.csv", "a") as file:
        file.write("missing.wav,dull,,\n0.wav,nobody,,\n")
    done = evaluate(
        evaluation_set(root), evaluators(tmp_path / "cache"), NAMES, EXAMPLES, all_at_once
    )
    reasons = {problem["item"]: problem["reason"] for problem in done.report["problems"]}
    assert "digital silence (1.0 s)" in reasons["1.wav (generated)"]
    assert "0.50 s of audio; log-mel needs at least" in reasons["dull/short.wav"]
    assert "0.mid" in reasons["0.wav"]
    assert "missing.wav: no such file" in reasons["missing.wav"]
    part = done.report["fad"]["by_piece"]
    assert [item["item"] for item in part["generated"]["items"]] == ["0.wav"]
    assert len(part["real"]["items"]) == 2
    write(done, NAMES, tmp_path / "out")
    assert "Not measured" in (tmp_path / "out/index.html").read_text()


@pytest.mark.usefixtures("unseen")
def test_a_transcriber_that_fails_on_some_audio_leaves_the_rest(tmp_path: Path) -> None:
    root = write_case(tmp_path, ("dull", "bright")).root
    calls = []

    def fragile(audio: np.ndarray, sample_rate: int) -> Notes:
        calls.append(len(audio))
        if len(calls) == 1:
            raise RuntimeError("out of luck")
        return tune(0)

    both = {"fragile": fragile, JUDGE: half_a_score}
    run = replace(evaluators(tmp_path / "cache"), transcribers=both)
    done = evaluate(evaluation_set(root), run, NAMES, ExampleOptions(0), all_at_once)
    assert done.report["problems"] == [
        {
            "item": "0.wav (generated)",
            "reason": "the transcriber fragile failed: RuntimeError('out of luck')",
        }
    ]
    note = done.report["notes"]["fragile"]["scores"]["note"]
    assert [note[kind]["pieces"] for kind in ("generated", "vocoded", "real")] == [1, 2, 2]
    assert note["generated_over_vocoded"]["pieces"] == 1
    other = done.report["notes"][JUDGE]["scores"]["note"]
    assert [other[kind]["pieces"] for kind in ("generated", "vocoded", "real")] == [2, 2, 2]
    (side_by_side,) = [t for t in done.tables if t.heading == "Notes found again"]
    judges = ("fragile", JUDGE)
    assert side_by_side.columns == (
        "", *(c for judge in judges for c in (judge, "precision", "recall"))
    )  # fmt: skip


class Nothing:
    """A vocoder of what is no number."""

    spec = MELGAN

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        return np.full(len(frames) * MELGAN.hop, np.nan, np.float32)


class NotFinite:
    """An embedding that breaks down on loud audio."""

    def __init__(self, sound: Any) -> None:
        self._sound = sound

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sound, name)

    def __call__(self, audio: np.ndarray) -> np.ndarray:
        made = self._sound(audio)
        return made * np.float32(np.nan) if audio.max() > 0.9 else made


@pytest.mark.usefixtures("unseen")
def test_what_is_not_finite_is_a_problem_of_its_item(tmp_path: Path) -> None:
    root = write_case(tmp_path, ("dull", "bright")).root
    loud = sound(tune(0), "dull")
    write_audio(root / "generated/0.wav", loud / abs(loud).max() * 0.95)
    run = evaluators(tmp_path / "cache")
    broken = replace(run, embedding=NotFinite(run.embedding))
    done = evaluate(evaluation_set(root), broken, NAMES, ExampleOptions(0), all_at_once)
    (problem,) = done.report["problems"]
    assert problem["item"] == "0.wav (generated)"
    assert "embeddings by log-mel are not finite" in problem["reason"]
    assert len(done.report["fad"]["by_piece"]["generated"]["items"]) == 1

    frames = replace(run, vocoder=CachedVocoder(Nothing(), "nothing", tmp_path / "nothing"))
    done = evaluate(evaluation_set(root), frames, NAMES, ExampleOptions(2, 1.0), all_at_once)
    assert "vocoded" not in done.report["fad"]["all_fad"]
    reasons = {p["reason"] for p in done.report["problems"]}
    assert any("the vocoder made" in reason for reason in reasons)
    assert all(set(example.audio) == {"generated", "real"} for example in done.examples)


@pytest.mark.usefixtures("unseen")
def test_a_held_out_recording_may_be_called_like_a_piece(tmp_path: Path) -> None:
    root = write_case(tmp_path, ("dull", "bright")).root
    write_audio(root / "generated/bright/0.wav", sound(tune(0), "dull"))
    (root / "map.csv").write_text(
        "audio,performance,reference\nbright/0.wav,dull,real/dull/0.flac\n"
    )
    write_audio(root / "real/bright/0.wav", sound(tune(5), "bright"))
    done = evaluate(
        evaluation_set(root), evaluators(tmp_path / "cache"), NAMES, ExampleOptions(0), all_at_once
    )
    items = {i["item"]: i["nearest"] for i in done.report["fad"]["by_piece"]["real"]["items"]}
    assert items["bright/0.wav"] == "dull"
    assert items["held out bright/0.wav"] == "bright"


@pytest.mark.usefixtures("unseen")
def test_too_few_embeddings_are_said_and_shrunk_only_when_asked(tmp_path: Path) -> None:
    root = write_case(tmp_path, ("dull", "bright")).root
    for number, name in enumerate(("dull", "bright")):
        for place in (f"generated/{number}.wav", f"real/{name}/{number}.flac"):
            write_audio(root / place, sound(tune(number, 6.0), name, seconds=6.0))
    run = evaluators(tmp_path / "cache")
    plain = evaluate(evaluation_set(root), run, NAMES, ExampleOptions(0), all_at_once)
    assert "by_piece" not in plain.report.get("fad", {})
    (reason,) = (p["reason"] for p in plain.report["problems"] if p["item"].endswith("by piece"))
    assert "have fewer than 33 embeddings (of 32 dimensions), such as" in reason
    assert "--shrinkage ledoit-wolf" in reason
    shrinking = replace(run, shrinkage="ledoit-wolf")
    shrunk = evaluate(evaluation_set(root), shrinking, NAMES, ExampleOptions(0), all_at_once)
    assert shrunk.report["fad"]["by_piece"]["generated"]["accuracy"]["1"] == 1.0
    assert shrunk.report["problems"] == []

    write_audio(root / "generated/0.wav", sound(tune(0, 1.2), "dull", seconds=1.2))
    short = evaluate(evaluation_set(root), shrinking, NAMES, ExampleOptions(0), all_at_once)
    reasons = {p["item"]: p["reason"] for p in short.report["problems"]}
    assert "fewer than 2 embeddings, such as generated: 0.wav with 1" in reasons["pieces"]
    items = short.report["fad"]["by_piece"]["generated"]["items"]
    assert [item["item"] for item in items] == ["1.wav"]
    with_one = short.report["fad"]["by_piece"]["generated"]["group_fad_interval"]
    assert np.isnan(with_one).all()
    assert ",nan" not in csv_files.files(short.report)["scores.csv"]
