"""The report's parts on renderings whose quality is known, and its text."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mt3synth.audio.files import read_audio
from mt3synth.audio.mel import MELGAN, log_mel
from mt3synth.evaluation.bundle import parts as parts
from mt3synth.evaluation.bundle.excerpts import Excerpt, Recordings
from mt3synth.evaluation.bundle.renderers import Rendered, Workbench
from mt3synth.evaluation.bundle.text import markdown
from mt3synth.reporting.mel_pictures import bin_of
from mt3synth.symbolic.notes import Notes

RATE = MELGAN.sample_rate
SCORE = Notes(
    start=np.array([0.1, 0.6, 1.1]),
    end=np.array([0.5, 1.0, 1.5]),
    pitch=np.array([60, 64, 67]),
    velocity=np.array([80, 80, 80]),
    program=np.array([0, 0, 0]),
    is_drum=np.array([False, False, False]),
)
EXCERPTS = [Excerpt(f"song {i}", SCORE.transposed(i)) for i in range(3)]


def silent(line: str) -> None:
    """Says nothing."""


def sound(notes: Notes, performance: int, seconds: float) -> np.ndarray:
    """A sine for each note, its amplitude proportional to velocity; performance 1 hisses."""
    audio = np.random.default_rng(0).normal(0, 1e-4 + 2e-2 * performance, int(seconds * RATE))
    time = np.arange(len(audio)) / RATE
    for start, end, pitch, velocity in zip(notes.start, notes.end, notes.pitch, notes.velocity):
        sine = np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time)
        audio += np.where((time >= start) & (time < end), velocity / 500 * sine, 0)
    return audio.astype(np.float32)


def faithful(notes: Notes, performance: int, seconds: float) -> Rendered:
    """Renders as the real one sounds."""
    return Rendered(log_mel(sound(notes, performance, seconds), MELGAN), seconds=0.5)


def indifferent(notes: Notes, performance: int, seconds: float) -> Rendered:
    """Knows neither performance nor velocity, and renders the last note only."""
    flat = notes.replace(velocity=np.full(len(notes), 64)).select(np.array([2]))
    return Rendered(log_mel(sound(flat, 0, seconds), MELGAN), seconds=0.5)


class LoudestBin:
    """A vocoder of sines at the loudest bin of each frame, at the frames' level."""

    spec = MELGAN

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        mel = frames.argmax(axis=1) / (MELGAN.bins + 1) * 2595 * np.log10(1 + 8000 / 700)
        hertz = np.repeat(700 * (10 ** (mel / 2595) - 1), MELGAN.hop)
        level = np.repeat(np.exp(frames.max(axis=1)), MELGAN.hop) / 300
        return (level * np.sin(2 * np.pi * np.cumsum(hertz) / RATE)).astype(np.float32)


def by_the_clock(audio: np.ndarray, sample_rate: int) -> Notes:
    """A transcriber that knows the score and hears which of its three onsets sound."""
    times = np.array([0.1, 0.6, 1.1])
    loud = [np.abs(audio[int((t + 0.1) * sample_rate) :][:1600]).max() > 0.03 for t in times]
    heard = SCORE.select(np.array(loud))
    return heard.replace(start=heard.start + 0.01)


def bench(model: Any) -> Workbench:
    return Workbench(("dry", "hissing"), MELGAN, model, sound, LoudestBin(), 2.0, 0)


def same_score(count: int) -> list[Excerpt]:
    return [Excerpt(f"song {i}", SCORE) for i in range(count)]


def test_transcription_of_a_faithful_model_equals_the_ceiling() -> None:
    figures = parts.transcription(bench(faithful), by_the_clock, same_score(3), 0, silent)
    assert figures["real"]["f1"] == figures["vocoded"]["f1"] == figures["ours"]["f1"] == 1.0
    assert figures["ours"]["reference"] == 9
    assert figures["ours_over_vocoded"] == {"ratio": 1.0, "interval": (1.0, 1.0)}
    assert [row["name"] for row in figures["by_excerpt"]] == ["song 0", "song 1", "song 2"]


def test_transcription_counts_what_a_model_leaves_out() -> None:
    figures = parts.transcription(bench(indifferent), by_the_clock, same_score(2), 0, silent)
    assert figures["ours"]["matched"] == 2  # the last note of each excerpt
    assert figures["ours"]["f1"] == pytest.approx(2 * 2 / (6 + 2))
    assert figures["ours_over_vocoded"]["ratio"] == pytest.approx(0.5)


def recordings() -> Recordings:
    """Ten of each performance, of other notes."""
    labels = [i % 2 for i in range(20)]
    mels = [
        faithful(SCORE.transposed(i - 10), label, 2.0).log_mel for i, label in enumerate(labels)
    ]
    return Recordings(mels, labels)


def test_recognition_of_a_faithful_and_of_an_indifferent_model() -> None:
    known = recordings()
    figures = parts.recognition(bench(faithful), known, known, EXCERPTS, silent)
    assert figures["ours"]["accuracy"] == figures["real"]["accuracy"] == 1.0
    assert figures["ours"]["confusion"] == [[3, 0], [0, 3]]
    figures = parts.recognition(bench(indifferent), known, known, EXCERPTS, silent)
    assert figures["ours"]["accuracy"] == figures["chance"] == 0.5
    assert figures["ours"]["confusion"] == [[3, 0], [3, 0]]
    assert figures["real"]["accuracy"] == 1.0


def test_levels() -> None:
    real = 20 * np.log10(110 / 30)  # amplitude is proportional to velocity
    figures = parts.levels(bench(faithful), EXCERPTS, 0, silent)
    assert figures["real_db"] == pytest.approx(real, abs=0.01)
    assert figures["ours_db"] == pytest.approx(real, abs=0.5)
    figures = parts.levels(bench(indifferent), EXCERPTS, 0, silent)
    assert figures["ratio"] == pytest.approx(0.0, abs=0.01)


def test_song_draws_and_writes(tmp_path: Path) -> None:
    figures = parts.song(
        bench(faithful), SCORE, "tune.mid", [0, 1], tmp_path, tmp_path / "audio", silent
    )
    assert figures["seconds"] == 3.0
    last = figures["renderings"][1]
    assert last["model_seconds"] == 0.5
    assert last["seconds_per_second"] == pytest.approx((0.5 + last["vocoder_seconds"]) / 3)
    for name in ("tune_dry", "tune_hissing"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert picture.width >= 1000
        assert (tmp_path / f"{name}.png").stat().st_size < 300_000
        assert len(read_audio(tmp_path / "audio" / f"{name}_ours.flac", RATE)) == 3 * RATE


@pytest.mark.parametrize("hertz", [440.0, 1000.0, 4000.0])
def test_frequencies_are_marked_where_they_sound(hertz: float) -> None:
    sine = np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE).astype(np.float32)
    loudest = log_mel(sine, MELGAN)[10:-10].mean(axis=0).argmax()
    assert bin_of(hertz, MELGAN) == pytest.approx(loudest, abs=1)


def test_text_holds_command_and_figures() -> None:
    tools = bench(faithful)
    report = {
        "command": "mt3synth evaluate bundle --steps 7",
        "bundle": "abc",
        "steps": 7,
        "seed": 0,
        "seconds": 2.0,
        "speed": parts.speed(tools, EXCERPTS, 0),
        "transcription": parts.transcription(tools, by_the_clock, same_score(2), 0, silent),
        "recognition": parts.recognition(tools, recordings(), recordings(), EXCERPTS, silent),
        "levels": parts.levels(tools, EXCERPTS, 0, silent),
    }
    text = markdown(report)
    assert "    mt3synth evaluate bundle --steps 7\n" in text
    assert "0.25 s for each second of music" in text
    assert "| our rendering, Griffin-Lim | 1.000 [1.000, 1.000] | 1.000 | 1.000 | 6 of 6 |" in text
    assert "| real test recordings | 1.000 [1.000, 1.000] | 20 of 20 |" in text
    assert "| mean | " in text
    assert "song_" not in text  # parts that were not measured leave nothing behind
