"""The figures of a data set, counted by hand."""

import numpy as np
import pytest
from inspection_cases import NAMES, SECONDS, TRAIN, VALIDATION, notes_of

from data_pipelines.inspection.survey import DRUMS, Survey, Tally, measure_polyphony
from data_pipelines.inspection.tables import find_median, format_duration, make_tables
from mt3synth.reporting.tables import as_text
from mt3synth.symbolic.notes import Notes


@pytest.fixture
def survey():
    survey = Survey()
    for song in TRAIN:
        survey.add("train", song)
    for song in VALIDATION:
        survey.add("validation", song)
    return survey


def test_sums(survey):
    assert survey.splits == ["train", "validation"]
    assert survey.performances == [0, 1]
    assert survey.tally("train") == Tally(3, 3 * SECONDS, 9)
    assert survey.tally("train", 1) == Tally(2, 2 * SECONDS, 6)
    assert survey.tally(performance=0) == Tally(2, 2 * SECONDS, 6)
    assert survey.tally() == Tally(4, 4 * SECONDS, 12)
    assert survey.tally("test") == Tally()


def test_histograms(survey):
    assert {key: t.notes for key, t in survey.programs.items()} == {DRUMS: 4, 40: 4, 42: 4}
    assert {int(p): int(survey.pitches[p]) for p in np.flatnonzero(survey.pitches)} == {
        57: 4,
        69: 4,
    }
    assert np.flatnonzero(survey.velocities).tolist() == [60, 80, 100]
    # Silence to 0.5 s and from 3.5 s on, two notes from 1.5 to 2.5 s, else one.
    np.testing.assert_allclose(survey.voices[:3], np.array([1.0, 2.0, 1.0]) * 4)
    assert survey.voices[3:].sum() == 0


def test_polyphony_stays_within_the_audio():
    notes = notes_of((0.0, 9.0, 60, 80, 0, False), (1.0, 1.5, 64, 80, 0, False))
    np.testing.assert_allclose(measure_polyphony(notes, 2.0)[:3], [0, 1.5, 0.5])
    np.testing.assert_allclose(measure_polyphony(Notes.empty(), 2.0)[:2], [2.0, 0])


def test_tables(survey):
    splits, performances, instruments = make_tables(survey, dict(enumerate(NAMES)))
    assert splits.rows[0] == ("train", "3", "12.0 s", "4.0 s", "9", "0.8")
    assert splits.rows[-1] == ("all", "4", "16.0 s", "4.0 s", "12", "0.8")
    assert performances.columns == ("performance", "songs", "train", "validation", "notes")
    assert performances.rows == (
        ("0  Ünïcødé <hall>", "2", "4.0 s", "4.0 s", "6"),
        ("1  studio", "2", "8.0 s", "0.0 s", "6"),
    )
    assert ("Violin", "40", "4", "4", "33.3%") in instruments.rows
    assert ("Drums", "", "4", "4", "33.3%") in instruments.rows
    text = as_text([splits, performances, instruments])
    assert "Cello" in text and max(map(len, text.splitlines())) < 80
    assert "performance 1" in as_text(make_tables(survey, {}))


def test_durations():
    assert [format_duration(s) for s in (0.04, 59.0, 60.0, 3599.0, 5400.0)] == [
        *("0.0 s", "59.0 s", "1.0 min", "60.0 min", "1.50 h")
    ]


def test_median():
    assert find_median(np.array([0, 1, 0, 5, 1])) == 3
    assert find_median(np.zeros(5)) == 0
