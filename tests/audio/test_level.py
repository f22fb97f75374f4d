"""Sound that is too loud for a file: what is taken off it, where, and what is left alone."""

import numpy as np
import pyloudnorm
import pytest

from mt3synth.audio.files import fit_peak
from mt3synth.audio.level import GAIN, LIMITED, LevelConfig, fit_level
from mt3synth.errors import UserError

RATE = 16000


def tone(level: float, seconds: float = 10.0, hz: float = 220.0) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def with_peak(audio: np.ndarray, peak: float, at: float = 5.0) -> np.ndarray:
    """Makes 20 ms of a sound so loud."""
    loud = np.array(audio)
    part = loud[int(at * RATE) : int((at + 0.02) * RATE)]
    part *= peak / np.abs(part).max()
    return loud


def test_what_fits_is_left_alone():
    audio = tone(1.0)
    for peaks in ("limit", "scale"):
        fitted, level = fit_level(audio, RATE, LevelConfig(peaks))
        assert fitted is audio
        assert (level.gain, level.limited, level.reports) == (1.0, 1.0, ())
        assert level.describe() == {GAIN: "0.0"}


@pytest.mark.parametrize("at", [0.0, 5.0, 9.98])
def test_a_single_peak_turns_down_nothing_but_itself(at):
    audio = with_peak(tone(0.3), 10 ** (9 / 20), at)
    before = audio.copy()
    fitted, level = fit_level(audio, RATE, LevelConfig())
    np.testing.assert_array_equal(audio, before)
    assert 0.999 < np.abs(fitted).max() <= 1
    # To the last bit, from a moment before it and a quarter of a second after it.
    first, last = max(0, int((at - 0.006) * RATE)), int((at + 0.3) * RATE)
    np.testing.assert_array_equal(fitted[:first], audio[:first])
    np.testing.assert_array_equal(fitted[last:], audio[last:])
    assert level.gain == 1
    assert level.reports == ("peaks limited by up to 9.0 dB",)
    assert level.describe()[GAIN] == "0.0"
    assert float(level.describe()[LIMITED]) == pytest.approx(-9, abs=1e-3)


def test_the_limiter_changes_levels_and_not_waves():
    """Where it is at work, sound is multiplied by a smooth gain between 0 and 1."""
    audio = with_peak(tone(0.3), 2.5)
    fitted, _ = fit_level(audio, RATE, LevelConfig())
    heard = np.abs(audio) > 0.05
    gain = 20 * np.log10(fitted[heard] / audio[heard])
    assert gain.max() < 1e-4
    steps = np.diff(gain) / np.diff(np.flatnonzero(heard))  # dB a sample
    assert steps.max() < 1 / RATE * 50 and steps.min() > -2.3 / 0.001 / RATE


def test_a_song_that_is_loud_throughout_is_turned_down_as_a_whole():
    fitted, level = fit_level(with_peak(tone(2.0), 4.0), RATE, LevelConfig())
    assert level.gain == pytest.approx(0.5, rel=1e-3)
    assert level.limited == pytest.approx(0.5, rel=1e-2)
    assert level.reports == (
        "-6.0 dB, so that it does not clip",
        "peaks limited by up to 6.0 dB",
    )
    assert np.abs(fitted).max() <= 1
    np.testing.assert_allclose(fitted[:RATE], tone(1.0)[:RATE], atol=1e-3)


def test_scaled_peaks_leave_the_dynamics_alone():
    audio = with_peak(tone(0.3), 2.5)
    fitted, level = fit_level(audio, RATE, LevelConfig("scale"))
    expected, gain = fit_peak(audio)
    np.testing.assert_array_equal(fitted, expected)
    assert (level.gain, level.limited) == (gain, 1.0)
    # What the metadata say undoes it.
    undone = fitted * 10 ** (-float(level.describe()[GAIN]) / 20)
    np.testing.assert_allclose(undone, audio, rtol=2e-5)


@pytest.mark.parametrize("peaks", ["limit", "scale"])
@pytest.mark.parametrize("loudness", [-14.0, -23.0])
def test_loudness_is_what_was_asked(peaks, loudness):
    fitted, level = fit_level(tone(0.02), RATE, LevelConfig(peaks, loudness))
    assert pyloudnorm.Meter(RATE).integrated_loudness(fitted) == pytest.approx(loudness, abs=0.05)
    np.testing.assert_allclose(fitted / level.gain, tone(0.02), atol=1e-6)
    assert level.reports == (f"{20 * np.log10(level.gain):+.1f} dB, for {loudness} LUFS",)


def test_peaks_may_stand_against_loudness():
    audio = with_peak(tone(0.3), 0.9)
    limited, level = fit_level(audio, RATE, LevelConfig("limit", -6.0))
    assert pyloudnorm.Meter(RATE).integrated_loudness(limited) == pytest.approx(-6.0, abs=0.2)
    assert np.abs(limited).max() <= 1 and level.limited < 0.5
    scaled, level = fit_level(audio, RATE, LevelConfig("scale", -6.0))
    assert np.abs(scaled).max() == 1
    assert level.reports[-1].endswith(" LUFS, for its peaks allow no more")


def test_what_has_no_loudness():
    """A tenth of a second is measured as if silence followed; silence stays what it is."""
    short, level = fit_level(tone(0.5, 0.1), RATE, LevelConfig(loudness=-30.0))
    assert 0 < level.gain < 1 and len(short) == 1600
    silence = np.zeros(RATE, np.float32)
    fitted, level = fit_level(silence, RATE, LevelConfig(loudness=-30.0))
    assert fitted is silence
    assert level.reports == ("silence, which no gain makes loud",)


@pytest.mark.parametrize("samples", [0, 1, 15, 17])
def test_a_few_samples(samples):
    for config in (LevelConfig(), LevelConfig("scale")):
        fitted, _ = fit_level(np.full(samples, 2.0, np.float32), RATE, config)
        np.testing.assert_allclose(fitted, 1.0, atol=1e-6)


@pytest.mark.parametrize(
    "options, said",
    [
        ({"loudness": 1.0}, "loudness=1.0 LUFS; must be between -70 and 0"),
        ({"loudness": float("nan")}, "loudness=nan LUFS"),
    ],
)
def test_options(options, said):
    with pytest.raises(UserError, match=said):
        LevelConfig(**options)
