"""Shifted frames against sounds that were made at the other pitch."""

import numpy as np
import pytest

from mt3synth.audio.mel import MELGAN, MelSpec, log_mel, to_network
from mt3synth.audio.pitch_shift import MAX_SEMITONES, shifted_log_mel

RATE, FRAMES, FIRST = 16000, 100, 640
TIME = np.arange(FIRST * 2 + FRAMES * 320 + 640) / RATE


def tone(hz: float, harmonics: int = 1) -> np.ndarray:
    partials = [0.3 / n * np.sin(2 * np.pi * hz * n * TIME) for n in range(1, harmonics + 1)]
    return np.sum(partials, axis=0).astype(np.float32)


def shifted(audio: np.ndarray, semitones: int, spec: MelSpec = MELGAN) -> np.ndarray:
    return shifted_log_mel(audio, spec, semitones, FIRST, FRAMES)


@pytest.mark.parametrize("semitones", [-12, -5, -2, -1, 1, 2, 5, 12])
@pytest.mark.parametrize("hz", [110.0, 440.0, 1500.0])
def test_a_sine_is_the_sine_at_the_other_pitch(hz, semitones):
    found = shifted(tone(hz), semitones)
    expected = log_mel(tone(hz * 2 ** (semitones / 12))[FIRST:], MELGAN)[:FRAMES]
    heard = expected > expected.max() - np.log(10)  # bins within 20 dB of the loudest
    assert heard.any(axis=1).all()
    hundredth = (MELGAN.scale_high - MELGAN.scale_low) / 100
    np.testing.assert_allclose(found[heard], expected[heard], atol=hundredth)


@pytest.mark.parametrize("semitones", [-2, -1, 1, 2])
def test_a_rich_tone_differs_less_than_a_third_of_what_the_shift_changes(semitones):
    played = tone(220.0, 12)
    rendered = tone(220.0 * 2 ** (semitones / 12), 12)
    found, expected, plain = (
        to_network(mel, MELGAN)
        for mel in (
            shifted(played, semitones),
            log_mel(rendered[FIRST:], MELGAN)[:FRAMES],
            log_mel(played[FIRST:], MELGAN)[:FRAMES],
        )
    )
    wrong, unshifted = np.abs(found - expected).mean(), np.abs(plain - expected).mean()
    assert wrong < unshifted / 3


@pytest.mark.parametrize("semitones", range(-2, 3))
def test_time_stays(semitones):
    """A click is as loud at the same place under the window, that is in the same frame."""
    audio = np.zeros(len(TIME), np.float32)
    clicks = FIRST + 320 * np.array([10, 37, 80]) + 320  # in the middle of frames 10, 37, 80
    audio[clicks] = 1
    loudness = np.exp(shifted(audio, semitones)).sum(axis=1)
    assert sorted(np.argsort(loudness)[-3:].tolist()) == [10, 37, 80]


def test_no_shift_is_the_front_end_itself():
    audio = np.random.default_rng(0).normal(0, 0.1, 640 + 320 * FRAMES).astype(np.float32)
    plain = log_mel(audio[FIRST:], MELGAN)
    assert np.array_equal(shifted_log_mel(audio, MELGAN, 0, FIRST, FRAMES), plain)


@pytest.mark.parametrize("semitones", [-12, -2, -1, 1, 2, 12])
def test_noise_stays_noise_in_every_band(semitones):
    """White noise played at another speed is white: no band is empty, none sticks out."""
    audio = np.random.default_rng(1).normal(0, 0.1, len(TIME)).astype(np.float32)
    found = np.exp(shifted(audio, semitones)).mean(axis=0)
    plain = np.exp(log_mel(audio[FIRST:], MELGAN)[:FRAMES]).mean(axis=0)
    level = 2 ** (-semitones / 24)  # its power is spread over a band r times as wide
    # At the top of a shift down, where nothing is moved, it keeps the level it had.
    assert level * 0.95 < np.mean((found / plain)[10:90]) < level * 1.05
    lowest, highest = min(level, 1) / 1.35, max(level, 1) * 1.35
    assert np.all((found / plain)[10:] > lowest) and np.all((found / plain)[10:] < highest)


def test_the_song_may_end_before_its_frames():
    silence = np.float32(np.log(MELGAN.floor))
    assert np.all(shifted_log_mel(np.zeros(700, np.float32), MELGAN, 2, FIRST, 5) == silence)


def test_what_cannot_be_is_refused():
    audio = np.zeros(4000, np.float32)
    with pytest.raises(ValueError, match=r"shift of 13 semitones; must be within \+-12"):
        shifted(audio, MAX_SEMITONES + 1)
    with pytest.raises(ValueError, match="frames from sample -39"):
        shifted_log_mel(audio, MELGAN, 2, 0, 3)
    with pytest.raises(ValueError, match="must be mono float"):
        shifted_log_mel(np.zeros(4000, np.int16), MELGAN, 0, 0, 3)
