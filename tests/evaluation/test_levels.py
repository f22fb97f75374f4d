"""Levels of signals whose level is known."""

import numpy as np
import pytest

from mt3synth.evaluation.levels import at_velocity, level_db, level_difference
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


def test_difference_of_an_instrument_with_a_known_response() -> None:
    def render(notes: Notes) -> np.ndarray:
        return np.sin(2 * np.pi * 220 * TIME) * (notes.velocity[0] / 127) ** 2

    expected = 40 * np.log10(110 / 30)  # amplitude goes with the square of the velocity
    assert level_difference(render, NOTES) == pytest.approx(expected)


def test_silence_has_no_level() -> None:
    with pytest.raises(ValueError, match="silence"):
        level_db(np.zeros(100))
    with pytest.raises(ValueError, match="0 samples"):
        level_db(np.zeros(0))
