"""Aligning renderings whose true times are known."""

import sys

import numpy as np
import pytest
from alignment_cases import example, played, recorded, tempo_curve
from corpus_cases import needs_fluidsynth

from data_pipelines.alignment.align import THRESHOLD, align
from data_pipelines.alignment.features import SAMPLE_RATE
from data_pipelines.corpus.performances import read_performances
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes

pytest.importorskip("synctoolbox")
CHORALE = example("bach_chorale", 20.0)
NOISE = np.random.default_rng(0).normal(0, 0.1, 10 * SAMPLE_RATE).astype(np.float32)


@pytest.fixture(scope="module")
def chorale() -> tuple[Notes, np.ndarray]:
    """Renders a chorale in the concert hall, a second late, at a tempo of 80 to 120 %."""
    truth = played(CHORALE, tempo_curve(20.0, seed=1, lead=1.0))
    return truth, recorded(truth, read_performances()[1])


@needs_fluidsynth
def test_a_known_tempo_curve_is_found(chorale) -> None:
    truth, audio = chorale
    alignment = align(CHORALE, audio)
    error = np.abs(alignment.notes.start - truth.start)
    assert np.median(error) <= 0.02 and np.percentile(error, 95) <= 0.08
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
