"""Levels of signals whose level is known."""

from pathlib import Path

import numpy as np
import pytest
from evaluation_cases import quick_evaluators

from mt3synth.evaluation.embeddings.store import EmbeddingStore
from mt3synth.evaluation.metrics.dynamics import (
    aggregate,
    at_velocity,
    level_db,
    level_slope,
    measure,
    onset_levels,
    tables,
)
from mt3synth.evaluation.metrics.metric import HeardPiece, Measured, Measurements
from mt3synth.symbolic.notes import Notes

NOTES = Notes(
    start=np.array([0.0, 0.5]),
    end=np.array([0.4, 1.0]),
    pitch=np.array([60, 64]),
    velocity=np.array([20, 90]),
    program=np.array([0, 40]),
    is_drum=np.array([False, False]),
)
TIME = np.arange(16000) / 16000


def test_full_scale_sine_is_3_db_below_a_full_scale_square() -> None:
    sine = np.sin(2 * np.pi * 440 * TIME)
    assert level_db(sine) == pytest.approx(-3.0103, abs=1e-3)
    assert level_db(np.sign(sine + 1e-9)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("gain_db", [-20.0, 6.0])
def test_a_gain_is_its_decibels(gain_db: float) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    louder = noise * np.float32(10 ** (gain_db / 20))
    assert level_db(louder) - level_db(noise) == pytest.approx(gain_db, abs=1e-4)


def test_at_velocity_changes_nothing_else() -> None:
    notes = at_velocity(NOTES, 30)
    assert notes.velocity.tolist() == [30, 30]
    np.testing.assert_array_equal(notes.start, NOTES.start)
    np.testing.assert_array_equal(notes.program, NOTES.program)


def test_range_of_an_instrument_with_a_known_response(tmp_path: Path) -> None:
    """Takes the same notes at two velocities for a pair, whatever else was measured."""
    evaluators = quick_evaluators(tmp_path)

    def piece(velocity: int, name: str, notes: Notes = NOTES) -> Measured:
        notes = at_velocity(notes, velocity)
        audio = 0.5 * np.sin(2 * np.pi * 220 * TIME) * (velocity / 127) ** 2
        value = measure(HeardPiece({"generated": audio}, notes), "generated", evaluators)
        return Measured(name, "studio", values={"dynamics": {"generated": value}})

    other = NOTES.transposed(1)
    pieces = [piece(30, "soft"), piece(110, "loud"), piece(110, "another score", other)]
    with EmbeddingStore(1) as store:
        figures = aggregate(Measurements(store, [], pieces), evaluators)
    expected = 40 * np.log10(110 / 30)  # amplitude goes with the square of the velocity
    (pair,) = figures["range"]["generated"]["by_pair"]
    assert figures["range"]["generated"]["value"] == pytest.approx(expected)
    assert (pair["item"], pair["velocities"]) == ("loud", [30, 110])
    assert "slope" not in figures  # of single velocities there is none
    assert tables(figures, {})[0].heading == "Level from velocity 30 to 110"


def test_silence_has_no_level() -> None:
    with pytest.raises(ValueError, match="silence"):
        level_db(np.zeros(100))
    with pytest.raises(ValueError, match="0 samples"):
        level_db(np.zeros(0))


def test_slope_is_that_of_the_instrument_whatever_the_gain() -> None:
    """0.2 dB for each step of velocity, in two recordings of different gain."""
    start = np.arange(6) * 0.5
    same = np.zeros(6, int)
    recordings = []
    for gain, velocity in ((1.0, [20, 40, 60, 80, 100, 120]), (0.1, [90, 30, 70, 50, 110, 10])):
        notes = Notes(start, start + 0.3, same + 60, np.array(velocity), same, same.astype(bool))
        audio = np.zeros(3 * 16000)
        for at, v in zip(start, velocity):
            first = round(at * 16000)
            audio[first : first + 4800] = 0.01 * gain * 10 ** (0.2 * v / 20)
        recordings.append(onset_levels(audio, 16000, notes))
    assert level_slope(recordings) == pytest.approx(0.2)
    assert level_slope(recordings[1:]) == pytest.approx(0.2)


def test_chords_are_one_onset_and_silent_ones_none() -> None:
    columns = [np.array(x) for x in ([0.0, 0.02, 0.5, 1.0], [0.3, 0.3, 0.8, 1.3])]
    same = np.ones(4, int)
    notes = Notes(*columns, 60 * same, np.array([40, 60, 80, 90]), 0 * same, same == 0)
    audio = np.where(np.arange(32000) < 12000, 0.1, 0.0)  # nothing sounds at 1 s
    levels = onset_levels(audio, 16000, notes)
    np.testing.assert_allclose(levels.velocity, [-15, 15])  # 50 and 80 about their mean
    assert np.isnan(level_slope([onset_levels(audio, 16000, notes.select(same == 0))]))
