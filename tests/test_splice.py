"""A passage put into a sound: nothing outside it changes, and its ends are not heard."""

import numpy as np
import pytest

from mt3synth.audio.mel import MELGAN
from mt3synth.splice import splice

RATE, SECONDS = 16000, 6
FIRST, LAST = RATE, 5 * RATE


def tone(phase: float, hertz: float = 440.0) -> np.ndarray:
    at = np.arange(SECONDS * RATE) / RATE
    return (0.3 * np.sin(2 * np.pi * hertz * at + phase)).astype(np.float32)


def levels(audio: np.ndarray) -> np.ndarray:
    """Returns the level of each hundredth of a second, in dB of a tone's."""
    blocks = audio.reshape(-1, RATE // 100).astype(np.float64)
    return 10 * np.log10(np.mean(blocks**2, axis=1) / (0.3**2 / 2))


def test_samples_outside_the_passage_are_the_same():
    rng = np.random.default_rng(0)
    old, new = (rng.uniform(-1, 1, SECONDS * RATE).astype(np.float32) for _ in range(2))
    made = splice(old, new, 0, FIRST, LAST, MELGAN)
    np.testing.assert_array_equal(made[:FIRST], old[:FIRST])
    np.testing.assert_array_equal(made[LAST:], old[LAST:])
    middle = slice(FIRST + RATE * 13 // 10, LAST - RATE * 13 // 10)
    np.testing.assert_allclose(made[middle], new[middle], atol=1e-6)
    assert np.abs(made).max() <= 1


@pytest.mark.parametrize("phase", [1.0, 2.0, 3.0, -2.5])
def test_a_tone_goes_on_whatever_its_phase_is(phase):
    old, new = tone(0.0), tone(phase)
    made = splice(old, new[RATE // 2 :], RATE // 2, FIRST, LAST, MELGAN)
    assert np.abs(levels(made)).max() < 0.3
    # Faded into each other as they are, the two of them would nearly cancel out.
    halves = levels((old + new) / 2)
    assert np.abs(phase) < 2 or np.median(halves) < -5


def test_partials_of_two_notes_go_on():
    old = tone(0.0) + tone(0.0, 554.37)
    new = tone(2.0) + tone(-1.5, 554.37)
    made = splice(old, new, 0, FIRST, LAST, MELGAN)
    beats = RATE // 4  # several of the beats that two tones make
    power = [np.mean(made[at : at + beats] ** 2) for at in range(0, len(made) - beats, beats // 4)]
    assert 10 * np.log10(max(power) / min(power)) < 1


def test_nothing_is_faded_at_the_ends_of_the_sound():
    old, new = tone(0.0), tone(2.0)
    whole = splice(old, new, 0, -500, len(old) + 500, MELGAN)
    np.testing.assert_array_equal(whole, new)
    begin = splice(old, new[: 3 * RATE], 0, 0, RATE, MELGAN)
    np.testing.assert_array_equal(begin[: RATE // 10], new[: RATE // 10])
    np.testing.assert_array_equal(begin[RATE:], old[RATE:])
