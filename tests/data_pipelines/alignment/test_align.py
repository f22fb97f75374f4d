"""Aligning renderings whose true times are known."""

import re
import sys

import numpy as np
import pytest
from alignment_cases import example, played, recorded, tempo_curve
from corpus_cases import needs_fluidsynth

from data_pipelines.alignment.align import THRESHOLD, Alignment, align
from data_pipelines.alignment.confidence import Agreement
from data_pipelines.alignment.features import SAMPLE_RATE, Features
from data_pipelines.alignment.structure import Run, unfold
from data_pipelines.alignment.warping import TimeMap
from data_pipelines.corpus.performances import read_performances
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes

pytest.importorskip("synctoolbox")
CHORALE = example("bach_chorale", 20.0)
NOISE = np.random.default_rng(0).normal(0, 0.1, 10 * SAMPLE_RATE).astype(np.float32)


@pytest.fixture(scope="module")
def chorale() -> tuple[Notes, np.ndarray]:
    """Renders a chorale in the studio, a second late, at a tempo of 80 to 120 %."""
    truth = played(CHORALE, tempo_curve(20.0, seed=1, lead=1.0))
    return truth, recorded(truth, read_performances()[0])


@needs_fluidsynth
@pytest.mark.parametrize(
    ("rest", "cut"), [pytest.param(0.0, 0.0, marks=pytest.mark.slow), (1.0, 1.0)]
)
def test_a_known_tempo_curve_is_found(chorale, rest: float, cut: float) -> None:
    """Though the score may begin with a second of rest, and the recording with its first note."""
    truth, audio = chorale
    audio = audio[round(cut * SAMPLE_RATE) :]
    alignment = align(CHORALE.shifted(rest), audio)
    error = np.abs(alignment.notes.start - (truth.start - cut))
    assert np.median(error) <= 0.02 and np.percentile(error, 95) <= 0.08 and error.max() < 0.2
    assert alignment.confidence > THRESHOLD + 0.2
    low, high = alignment.stretch
    assert 0.75 < low < 0.95 and 1.05 < high < 1.35
    assert alignment.notes.end_time <= len(audio) / SAMPLE_RATE
    for column in ("pitch", "velocity", "program", "is_drum"):
        assert np.array_equal(getattr(alignment.notes, column), getattr(CHORALE, column))


@pytest.mark.slow
@needs_fluidsynth
def test_other_music_and_another_key_have_no_confidence(chorale) -> None:
    _, audio = chorale
    assert align(example("mozart_quartet", 20.0), audio).confidence < THRESHOLD
    assert align(CHORALE.transposed(1), audio).confidence < THRESHOLD


@pytest.mark.slow
@needs_fluidsynth
def test_a_repeat_that_is_not_written_is_found_and_written_out() -> None:
    back = float(CHORALE.start[np.abs(CHORALE.start - 10).argmin()])
    once = (0.0, CHORALE.end_time)
    played_twice = unfold(CHORALE, [Run((0.0, back), (0.0, back)), Run(once, once)])
    truth = played(played_twice, tempo_curve(30.0, seed=1))
    audio = recorded(truth, read_performances()[0])
    alignment = align(CHORALE, audio, jumps=True)
    assert alignment.find_problem() is None and len(alignment.form) == 1
    said = re.search(r"goes back from ([\d.]+) to ([\d.]+) s of the score", alignment.form[0])
    assert said is not None
    assert abs(float(said[1]) - back) < 0.2 and abs(float(said[2]) - CHORALE.start[0]) < 0.2
    # The very notes that are played, each where it is.
    assert alignment.played.pitch.tolist() == played_twice.pitch.tolist()
    assert np.median(np.abs(alignment.notes.start - truth.start)) < 0.03


@pytest.mark.parametrize(
    ("score", "audio", "what"),
    [
        (CHORALE, np.zeros(10 * SAMPLE_RATE, np.float32), "silent"),
        (CHORALE, NOISE[: 2 * SAMPLE_RATE], "2.0 s"),
        (CHORALE.select(np.arange(3)), NOISE, "onsets"),
        (CHORALE.replace(is_drum=np.ones(len(CHORALE), bool)), NOISE, "0 onsets"),
        (Notes.empty(), NOISE, "0 onsets"),
        (CHORALE.replace(start=5 * CHORALE.start, end=5 * CHORALE.end), NOISE, "factor 4"),
    ],
)
def test_what_cannot_be_aligned_is_said(score: Notes, audio: np.ndarray, what: str) -> None:
    with pytest.raises(UserError, match=what):
        align(score, audio)


def test_a_missing_synctoolbox_is_said_with_its_remedy(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "synctoolbox.feature.dlnco", None)
    with pytest.raises(UserError, match=r"mt3synth\[align\]"):
        align(CHORALE, NOISE)


def made_up(recording: np.ndarray, local: np.ndarray, confidence: float = 0.7) -> Alignment:
    """Makes an alignment of a score with an onset each half second, from its map and agreement."""
    score = 0.5 * np.arange(len(recording))
    empty = Features(np.zeros((12, 0)), np.zeros((12, 0)))
    agreement = Agreement(confidence, recording, local)
    return Alignment(
        Notes.empty(), TimeMap(score, recording), agreement, empty, 0.0, empty, 99.0, Notes.empty()
    )


def test_what_nobody_plays_is_refused() -> None:
    score, good = 0.5 * np.arange(121), np.full(121, 0.6)
    # Half as fast, slowing down at the end to a third of that.
    slow = 2 * score + np.where(score > 52, 4 * (score - 52), 0)
    assert made_up(slow, good).find_problem() is None
    assert made_up(score, np.where(score < 20, 0.1, 0.6)).find_problem() is None
    # A minute of which the first third is written twice: the path hurries through one of them.
    twice = np.interp(score, [0, 20, 20.5, 60], [0, 0.2, 0.5, 40])
    assert "tempo 67% to 6667% of its mean, which" in str(made_up(twice, good).find_problem())
    # Another piece lies between two parts of the recording.
    longer = np.interp(score, [0, 20, 30, 60], [0, 20, 130, 160])
    assert "tempo 24% to 267% of its mean" in str(made_up(longer, good).find_problem())
    # Hurrying is no reason, but hurrying where it does not sound like the score is one.
    hurried = np.interp(score, [0, 12, 60], [0, 4, 60])
    assert made_up(hurried, good).find_problem() is None
    doubtful = made_up(hurried, np.where(score < 12, 0.1, 0.6)).find_problem()
    assert doubtful is not None and "of its mean and 20% of it weak, which" in doubtful
    weak = made_up(score, np.where(score < 35, 0.1, 0.6)).find_problem()
    assert weak is not None and weak.startswith("58% of it is weak")
    assert "confidence 0.30 is below 0.4" in str(made_up(score, good, 0.3).find_problem())
