"""A bundle's evaluation from rendering to report, of models whose quality is known."""

from dataclasses import replace
from inspect import unwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluation_cases import JUDGE, all_at_once, quick_evaluators
from PIL import Image

import mt3synth
from data_pipelines.shards.formats import FORMATS
from data_pipelines.shards.names import shard_path
from data_pipelines.songs import Song
from mt3synth.audio.files import read_audio
from mt3synth.audio.mel import MELGAN, log_mel
from mt3synth.evaluation.bundle.render_set import SetOptions, render_evaluation_set
from mt3synth.evaluation.bundle.renderers import Rendered, Renderers
from mt3synth.evaluation.bundle.song import SONG, SongOptions, add_song
from mt3synth.evaluation.caching import CachedVocoder
from mt3synth.evaluation.evaluate import Evaluation, ExampleOptions, Names, evaluate
from mt3synth.evaluation.evaluation_set import Seams
from mt3synth.evaluation.input_files import read_evaluation_set
from mt3synth.evaluation.metrics.bootstrap import bootstrap_interval
from mt3synth.reporting.mel_pictures import bin_of
from mt3synth.symbolic.midi import write_midi
from mt3synth.symbolic.notes import Notes
from mt3synth.vocoder.griffin_lim import GriffinLim

SECONDS = 2.0
NAMES = ("studio", "hissing")
RATE = MELGAN.sample_rate
SCORE = Notes(
    start=np.array([0.1, 0.6, 1.1]),
    end=np.array([0.5, 1.0, 1.5]),
    pitch=np.array([60, 64, 67]),
    velocity=np.array([80, 80, 80]),
    program=np.array([0, 0, 0]),
    is_drum=np.array([False, False, False]),
)


def sound(notes: Notes, performance: int, seconds: float) -> np.ndarray:
    """Plays a sine for each note, its amplitude proportional to velocity; performance 1 hisses."""
    audio = np.random.default_rng(0).normal(0, 1e-4 + 2e-2 * performance, int(seconds * RATE))
    time = np.arange(len(audio)) / RATE
    for start, end, pitch, velocity in zip(notes.start, notes.end, notes.pitch, notes.velocity):
        sine = np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time)
        audio += np.where((time >= start) & (time < end), velocity / 500 * sine, 0)
    return audio.astype(np.float32)


class Perfect:
    """A vocoder that gives back the very audio which the frames were taken from."""

    spec = MELGAN

    def __init__(self) -> None:
        self._audio: dict[bytes, np.ndarray] = {}

    def frames_of(self, audio: np.ndarray) -> np.ndarray:
        frames = log_mel(audio, MELGAN)
        self._audio[frames.tobytes()] = audio
        return frames

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """Gives back a whole song's audio, and of the silence before its frames that as well."""
        known = self._audio.get(frames.tobytes())
        if known is not None:
            return known
        silent = next(n for n in range(len(frames)) if frames[n:].tobytes() in self._audio)
        before = np.zeros(silent * MELGAN.hop, np.float32)
        return np.concatenate([before, self._audio[frames[silent:].tobytes()]])


PERFECT = Perfect()


def faithful(notes: Notes, performance: int, seconds: float) -> Rendered:
    """Renders as the real one sounds."""
    return Rendered(PERFECT.frames_of(sound(notes, performance, seconds)), seconds=0.5)


def indifferent(notes: Notes, performance: int, seconds: float) -> Rendered:
    """Knows neither performance nor velocity, and renders the last note only."""
    flat = notes.replace(velocity=np.full(len(notes), 64)).select(np.array([2]))
    return Rendered(PERFECT.frames_of(sound(flat, 0, seconds)), seconds=0.5)


def by_the_clock(audio: np.ndarray, sample_rate: int) -> Notes:
    """Transcribes by the score, having heard which of its three onsets sound."""
    times = np.array([0.1, 0.6, 1.1])
    loud = [np.abs(audio[int((t + 0.1) * sample_rate) :][:1600]).max() > 0.03 for t in times]
    heard = SCORE.select(np.array(loud))
    return heard.replace(start=heard.start + 0.01)


def renderers(model: Any) -> Renderers:
    return Renderers(NAMES, MELGAN, model, sound, PERFECT)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Training songs of other notes, ten in each performance, and three test songs of one score."""
    folder = tmp_path_factory.mktemp("corpus")
    kind = FORMATS["tfrecord"]
    for split, scores in (
        ("train", [SCORE.transposed(i - 10) for i in range(20)]),
        ("test", [SCORE] * 3),
    ):
        songs = [
            Song(
                id=f"song {i}",
                audio=(sound(notes, i % 2, SECONDS) * 32767).astype(np.int16),
                sample_rate=RATE,
                notes=notes,
                performance=i % 2,
            )
            for i, notes in enumerate(scores)
        ]
        kind.write(shard_path(folder, split, 0, 1, kind.suffix), songs)
    return folder


def report_on(model: Any, corpus: Path, folder: Path) -> dict[str, Any]:
    """Measures a model whose quality is known."""
    options = SetOptions(excerpts=3, crossed=2, levels=1, recordings=10, seconds=SECONDS)
    paths = render_evaluation_set(
        corpus, options, renderers(model), Seams(1.0), {"bundle": "a"}, folder, str
    )
    using = quick_evaluators(folder / "cache", by_the_clock)
    vocoder = CachedVocoder(GriffinLim(MELGAN, iterations=4), "the same", folder / "vocoded")
    using = replace(using, shrinkage="ledoit-wolf", vocoder=vocoder)
    names = Names("A bundle", "mt3synth evaluate bundle", "Griffin-Lim", (JUDGE,))
    items = read_evaluation_set(paths)
    return evaluate(items, using, names, ExampleOptions(0), all_at_once).report


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out what takes most of the time and is not looked at: pictures, intervals' draws."""
    monkeypatch.setattr(unwrap(bootstrap_interval), "__defaults__", (20, 0.95))
    monkeypatch.setattr("mt3synth.evaluation.evaluate._pictures", lambda *_: {})


@pytest.mark.usefixtures("no_pictures")
def test_a_faithful_model_does_as_well_as_can_be(corpus: Path, tmp_path: Path) -> None:
    report = report_on(faithful, corpus, tmp_path)
    part = report["notes"][JUDGE]["by_performance"]["studio"]
    assert part["pieces"] == 3  # two of them crossed
    assert [part[kind]["f1"] for kind in ("real", "vocoded", "generated")] == [1.0, 1.0, 1.0]
    assert part["generated"]["reference"] == 9
    ratio = part["generated_over_vocoded"]
    assert (ratio["ratio"], ratio["interval"]) == (1.0, (1.0, 1.0))
    part = report["performance_classifier"]
    assert (part["trained_on"], part["chance"]) == (20, 0.5)
    accuracies = {
        kind: part["kinds"][kind]["accuracy"] for kind in ("generated", "real", "held_out")
    }
    assert accuracies == {"generated": 1.0, "real": 1.0, "held_out": 1.0}
    assert part["kinds"]["generated"]["confusion"] == [[2, 0], [0, 2]]
    assert part["kinds"]["held_out"]["total"] == 3
    levels = report["dynamics"]["range"]
    expected = 20 * np.log10(110 / 30)  # amplitude is proportional to velocity
    assert levels["real"]["value"] == pytest.approx(expected, abs=0.02)
    assert levels["generated"]["value"] == pytest.approx(expected, abs=0.5)
    assert report["speed"]["rendering"]["pieces"] == 5  # without those for the levels
    assert report["fad"]["by_piece"]["generated"]["items"][0]["item"].endswith("song_0.flac")
    assert len(report["fad"]["by_piece"]["generated"]["items"]) == 4  # the crossed ones


@pytest.mark.slow
@pytest.mark.usefixtures("no_pictures")
def test_an_indifferent_model_is_found_out(corpus: Path, tmp_path: Path) -> None:
    report = report_on(indifferent, corpus, tmp_path)
    part = report["notes"][JUDGE]["by_performance"]["studio"]
    assert part["generated"]["matched"] == 3  # the last note of each excerpt
    assert part["generated"]["f1"] == pytest.approx(2 * 3 / (9 + 3))
    assert part["generated_over_vocoded"]["ratio"] == pytest.approx(0.5)
    part = report["performance_classifier"]["kinds"]
    assert part["generated"]["accuracy"] == 0.5
    assert part["generated"]["confusion"] == [[0, 2], [0, 2]]  # all taken for the studio
    assert part["real"]["accuracy"] == 1.0
    levels = report["dynamics"]["range"]
    assert levels["generated"]["value"] / levels["real"]["value"] == pytest.approx(0.0, abs=0.01)


def test_song_is_drawn_and_written(tmp_path: Path) -> None:
    path = tmp_path / "tune.mid"
    write_midi(SCORE, path)
    evaluation = Evaluation({}, [], {}, [])
    options = SongOptions(path, [0, 1], tmp_path, tmp_path / "audio")
    add_song(evaluation, options, renderers(faithful), str)
    figures = evaluation.report["song"]
    assert figures["seconds"] == 3.0
    last = figures["renderings"][1]
    assert last["model_seconds"] == 0.5
    assert last["seconds_per_second"] == pytest.approx((0.5 + last["vocoder_seconds"]) / 3)
    assert len(evaluation.pictures) == len(evaluation.tables[0].rows) == 2
    for name in ("tune_studio", "tune_hissing"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert picture.width >= 1000
        assert (tmp_path / f"{name}.png").stat().st_size < 300_000
        assert len(read_audio(tmp_path / "audio" / f"{name}_ours.flac", RATE)) == 3 * RATE


def test_the_song_is_installed_with_the_package() -> None:
    """Finds a copy of the example, as nothing outside of a package is part of a wheel."""
    root = Path(mt3synth.__file__).parents[1]
    assert SONG.is_relative_to(root / "mt3synth")
    assert SONG.read_bytes() == (root / "docs/examples/mozart_quartet.mid").read_bytes()
    assert '"evaluation/bundle/*.mid"' in (root / "setup.py").read_text()


@pytest.mark.parametrize("hertz", [440.0, 1000.0, 4000.0])
def test_frequencies_are_marked_where_they_sound(hertz: float) -> None:
    sine = np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE).astype(np.float32)
    loudest = log_mel(sine, MELGAN)[10:-10].mean(axis=0).argmax()
    assert bin_of(hertz, MELGAN) == pytest.approx(loudest, abs=1)
