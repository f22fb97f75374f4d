"""Griffin-Lim against what any inversion must do: come back to the mel it was given."""

import dataclasses

import numpy as np
import pytest

from mt3synth.audio.mel import MELGAN, log_mel
from mt3synth.vocoder.griffin_lim import GriffinLim
from mt3synth.vocoder.protocol import Vocoder, VocoderError, check_spec

VOCODER = GriffinLim(MELGAN)

pytestmark = pytest.mark.usefixtures("well_compiled")


def chord(seconds: float) -> np.ndarray:
    """Plays a C major triad, three partials a note, every half second, over a little noise."""
    time = np.arange(int(seconds * 16000)) / 16000
    tones = sum(
        np.sin(2 * np.pi * hz * k * time) / k for hz in (261.6, 329.6, 392.0) for k in (1, 2, 3)
    )
    noise = np.random.default_rng(0).normal(scale=0.001, size=len(time))
    return (0.1 * tones * np.exp(-4 * (time % 0.5)) + noise).astype(np.float32)


def distance(audio: np.ndarray, mel: np.ndarray) -> float:
    return float(np.abs(log_mel(audio, MELGAN) - mel).mean())


@pytest.fixture(scope="module")
def chord_mel() -> np.ndarray:
    return log_mel(chord(2.0), MELGAN)


@pytest.fixture(scope="module")
def chord_audio(chord_mel) -> np.ndarray:
    return VOCODER(chord_mel)


def test_is_a_vocoder():
    assert isinstance(VOCODER, Vocoder)


def test_comes_back_to_its_mel(chord_mel, chord_audio):
    assert chord_audio.shape == (100 * 320,) and chord_audio.dtype == np.float32
    assert distance(chord_audio, chord_mel) < 0.15


def test_iterations_improve_on_the_start(chord_mel, chord_audio):
    start = dataclasses.replace(VOCODER, iterations=0)(chord_mel)
    assert distance(chord_audio, chord_mel) < 0.5 * distance(start, chord_mel)

    def convergence(audio: np.ndarray) -> float:
        target = np.exp(chord_mel)
        return np.linalg.norm(np.exp(log_mel(audio, MELGAN)) - target) / np.linalg.norm(target)

    assert convergence(chord_audio) < 0.75 * convergence(start)


def test_a_tone_stays_a_tone():
    """Nearly all energy within a semitone of the sine: random phases would smear it."""
    time = np.arange(32000) / 16000
    audio = VOCODER(log_mel((0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32), MELGAN))
    power = np.abs(np.fft.rfft(audio[4000:28000] * np.hanning(24000))) ** 2
    hz = np.fft.rfftfreq(24000, 1 / 16000)
    near = (hz > 440 * 2 ** (-1 / 12)) & (hz < 440 * 2 ** (1 / 12))
    assert power[near].sum() > 0.95 * power.sum()
    assert np.sqrt(np.mean(audio[4000:28000] ** 2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.1)


def test_same_seed_same_audio(chord_mel, chord_audio):
    np.testing.assert_array_equal(VOCODER(chord_mel), chord_audio)
    assert not np.allclose(dataclasses.replace(VOCODER, seed=1)(chord_mel), chord_audio, atol=1e-3)


def test_silence_stays_silent():
    audio = VOCODER(np.full((30, 128), np.log(1e-5), np.float32))
    assert np.abs(audio).max() < 1e-5


def test_one_frame():
    assert VOCODER(np.zeros((1, 128), np.float32)).shape == (320,)


def test_independent_of_what_follows_within_a_chunk():
    """Silent frames after the end change the end only."""
    mel = log_mel(chord(3.0), MELGAN)
    longer = np.concatenate([mel, np.full((200, 128), np.log(1e-5), np.float32)])
    short, long = VOCODER(mel), VOCODER(longer)[: len(mel) * 320]
    assert len(short) == len(mel) * 320
    assert abs(distance(short, mel) - distance(long, mel)) < 0.02


def test_joins_of_chunks_are_no_worse_than_elsewhere():
    """Inverts a steady chord over noise, several chunks long: nothing clicks where they meet."""
    time = np.arange(16000 * 24) / 16000
    steady = 0.1 * sum(np.sin(2 * np.pi * hz * time) for hz in (261.6, 329.6, 392.0))
    steady += np.random.default_rng(0).normal(scale=0.003, size=len(time))
    mel = log_mel(steady.astype(np.float32), MELGAN)
    audio = VOCODER(mel)
    assert audio.shape == (len(mel) * 320,)
    error = np.abs(log_mel(audio, MELGAN) - mel).mean(axis=1)
    joins = np.concatenate([np.arange(464 * i, 464 * i + 40) for i in (1, 2)])
    assert error[joins].max() < 1.5 * np.percentile(error[20:-20], 99)
    steps = np.abs(np.diff(audio))
    around = np.concatenate([steps[j * 320 : (j + 40) * 320] for j in (464, 928)])
    assert around.max() <= 1.2 * np.delete(steps, np.s_[464 * 320 : 504 * 320]).max()


@pytest.mark.parametrize(
    "mel, message",
    [
        (np.zeros((5, 80), np.float32), r"shape \(5, 80\); must be \[frames, 128\]"),
        (np.zeros(128, np.float32), "must be"),
        (np.zeros((0, 128), np.float32), "0 frames; must be at least 1"),
        (np.full((3, 128), np.nan, np.float32), "not finite in 3 frames, the first 0"),
        (np.full((3, 128), 100.0, np.float32), "log-mel up to 100.0; must be at most 18.4"),
    ],
)
def test_refuses_frames(mel, message):
    with pytest.raises(VocoderError, match=message):
        VOCODER(mel)


def test_refuses_another_spec():
    check_spec(VOCODER, dataclasses.replace(MELGAN))
    with pytest.raises(VocoderError, match=r"hop=160 \(vocoder: 320\)"):
        check_spec(VOCODER, dataclasses.replace(MELGAN, hop=160))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"iterations": -1}, "iterations=-1; must be at least 0"),
        ({"momentum": 1.0}, r"momentum=1.0; must be in \[0, 1\)"),
        ({"refine": 3}, "refine=3 steps per frame; must divide hop=320 samples"),
    ],
)
def test_refuses_settings(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(VOCODER, **change)
