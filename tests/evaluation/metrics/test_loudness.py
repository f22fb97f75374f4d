"""Loudness: that of a sine by the recommendation, and what a gain and a tail do to distances."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation_cases import (
    NAMES,
    RATE,
    all_at_once,
    evaluation_set,
    evaluators,
    sound,
    tune,
    write_case,
)

from mt3synth.audio.files import write_audio as write_with_metadata
from mt3synth.audio.level import GAIN, describe_gain
from mt3synth.evaluation.evaluate import ExampleOptions, evaluate
from mt3synth.evaluation.evaluation_set import hear
from mt3synth.evaluation.metrics import loudness
from mt3synth.evaluation.metrics.audio_distance import AUDIO_DISTANCE
from mt3synth.evaluation.metrics.dynamics import DYNAMICS
from mt3synth.evaluation.metrics.fad import FAD
from mt3synth.evaluation.metrics.metric import HeardPiece, Measured

HEARD = [FAD, AUDIO_DISTANCE, loudness.LOUDNESS, DYNAMICS]


def sine(amplitude: float, seconds: float = 3.0) -> np.ndarray:
    time = np.arange(round(seconds * 48000)) / 48000
    return (amplitude * np.sin(2 * np.pi * 997 * time)).astype(np.float32)


def test_a_sine_has_the_loudness_that_the_recommendation_gives_it() -> None:
    """BS.1770-4, annex 1: 997 Hz at full scale in one channel has -3.01 LKFS; EBU allows 0.1."""
    assert loudness.integrated_loudness(sine(1.0), 48000) == pytest.approx(-3.01, abs=0.1)
    assert loudness.integrated_loudness(sine(0.1), 48000) == pytest.approx(-23.01, abs=0.1)


def test_silence_does_not_count_and_has_no_loudness() -> None:
    quiet = np.zeros(48000, np.float32)
    with_rest = np.concatenate([sine(0.1), quiet, quiet])
    assert loudness.integrated_loudness(with_rest, 48000) == pytest.approx(-23.0, abs=0.5)
    assert loudness.integrated_loudness(quiet, 48000) is None
    assert loudness.integrated_loudness(sine(0.1, 0.3), 48000) is None
    assert loudness.at_loudness(quiet, 48000, -23.0) is None
    np.testing.assert_allclose(loudness.at_loudness(sine(0.1), 48000, -3.01), sine(1.0), atol=0.01)


def test_without_a_counterpart_recordings_say_how_loud_the_real_thing_is() -> None:
    heard = [Measured(n, "a", values={loudness.NAME: {"recording": v}})
             for n, v in (("1", -20.0), ("2", -30.0), ("3", None))]  # fmt: skip
    assert loudness.real_loudness(None, RATE, [*heard, Measured("4", "a")]) == -25.0
    assert loudness.real_loudness(None, RATE, []) is None
    assert loudness.real_loudness(sine(0.1), 48000, heard) == pytest.approx(-23.01, abs=0.1)
    short = HeardPiece({"generated": np.zeros(9)})
    assert loudness.measure(short, "generated", evaluators(Path())) is None


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """Evaluates the real recordings themselves, in several ways written as renderings are."""
    half = 0.4
    ways = {
        "alike": lambda audio: (audio, {}),
        "softer": lambda audio: (half * audio, {}),
        "softer and said": lambda audio: (half * audio, describe_gain(half)),
        "tail": lambda audio: (np.concatenate([audio, np.zeros(round(2.5 * RATE))]), {}),
    }
    performances = ("dull", "bright")
    root = write_case(tmp_path_factory.mktemp("loudness"), performances).root
    run = replace(evaluators(root / "cache"), transcribers={})
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mt3synth.evaluation.evaluate._pictures", lambda *_: {})
        patch.setattr("mt3synth.evaluation.evaluate.METRICS", HEARD)
        for name, change in ways.items():
            for number, performance in enumerate(performances):
                audio, about = change(sound(tune(number), performance, 95 + number))
                path = root / f"generated/{number}.wav"
                write_with_metadata(path, audio.astype(np.float32), RATE, about)
            done = evaluate(evaluation_set(root), run, NAMES, ExampleOptions(0), all_at_once)
            assert done.report["problems"] == []
            made[name] = done.report
    return made


def distance(report: dict, kind: str) -> tuple[float, float]:
    both = report["fad"]["all_fad"][kind], report["audio_distance"][kind]["log_mel_l1"]
    return both[0]["value"], both[1]["value"]


def test_a_gain_is_heard_as_loudness_and_undone_at_the_real_level(figures: dict) -> None:
    same = distance(figures["alike"], "generated")
    real = figures["alike"]["fad"]["all_fad"]["real"]["value"]
    # WAV and FLAC are rounded differently.
    assert same == (pytest.approx(real, rel=0.01), pytest.approx(0, abs=0.01))
    raw, matched = (distance(figures["softer"], kind) for kind in ("generated", "matched"))
    assert raw[0] > 2 * same[0] and raw[1] > 0.5
    assert matched == (pytest.approx(same[0], rel=0.02), pytest.approx(0, abs=0.02))
    less = figures["softer"]["loudness"]["generated"]["less_real"]
    assert less["value"] == pytest.approx(20 * np.log10(0.4), abs=0.1)


def test_a_gain_that_the_file_names_is_undone(figures: dict) -> None:
    said = figures["softer and said"]
    assert distance(said, "generated") == pytest.approx(
        distance(figures["alike"], "generated"), abs=0.02
    )
    assert said["loudness"]["generated"]["less_real"]["value"] == pytest.approx(0, abs=0.01)


def test_silence_after_the_real_recording_is_no_part_of_the_comparison(figures: dict) -> None:
    plain, longer = figures["alike"], figures["tail"]
    for key in ("fad", "audio_distance", "loudness"):
        assert longer[key] == plain[key]
    seconds = {
        i["value"] for i in longer["items"] if (i["kind"], i["score"]) == ("generated", "seconds")
    }
    assert seconds == {21.0}  # the file's own length, by which its speed goes


def test_other_metrics_do_not_hear_a_piece_twice(figures: dict) -> None:
    twice = {m.name for m in HEARD if "matched" in str(figures["alike"][m.name])}
    assert twice == {"fad", "audio_distance"} == {m.name for m in HEARD if m.hears_level}


def test_a_gain_is_undone_beyond_full_scale(tmp_path: Path) -> None:
    loud = np.float32([0.5, -1.0] * 800)
    write_with_metadata(tmp_path / "a.flac", loud, RATE, describe_gain(0.25))
    np.testing.assert_allclose(hear(tmp_path / "a.flac", RATE), 4 * loud, atol=2e-4)
    for text in ("0.0", "nan", "inf", "1e9", "loud"):
        write_with_metadata(tmp_path / "a.flac", loud, RATE, {GAIN: text})
        np.testing.assert_allclose(hear(tmp_path / "a.flac", RATE), loud, atol=1e-4)
