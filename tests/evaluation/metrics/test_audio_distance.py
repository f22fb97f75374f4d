"""Distances from a recording of the same notes, against values worked out by other means."""

import numpy as np
import pytest
from scipy.signal import stft

from mt3synth.audio.mel import MELGAN, log_mel
from mt3synth.evaluation.metrics.audio_distance import (
    Resolution,
    chroma,
    chroma_similarity,
    distances,
    multi_resolution_stft,
)

RATE = MELGAN.sample_rate


def sine(key: float, seconds: float = 1.0) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * 440 * 2 ** ((key - 69) / 12) * time)).astype(np.float32)


def noise(seed: int, seconds: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)


def test_a_recording_is_at_no_distance_from_itself() -> None:
    scores = distances(noise(0), noise(0), MELGAN)
    assert (scores.log_mel_l1, scores.stft, scores.seconds) == (0, 0, 1)
    assert scores.chroma == pytest.approx(1)


def test_a_gain_is_its_nats_and_leaves_harmony() -> None:
    audio = noise(0)
    scores = distances(2 * audio, audio, MELGAN)
    assert scores.log_mel_l1 == pytest.approx(np.log(2), abs=1e-4)
    assert scores.stft == pytest.approx(1 + np.log(2), abs=1e-3)  # |2R - R| / |R| = 1
    assert scores.chroma == pytest.approx(1, abs=1e-6)


def test_spectral_distance_agrees_with_scipy() -> None:
    resolution = Resolution(512, 128, 512)
    ours, real = noise(1, 0.5), noise(2, 0.5)
    spectra = []
    for audio in (ours, real):
        _, _, z = stft(audio, nperseg=512, noverlap=384, boundary=None, padded=False)
        spectra.append(np.abs(z) * 256)  # scipy divides by the window's sum
    a, r = spectra
    expected = np.sqrt(((r - a) ** 2).sum() / (r**2).sum()) + np.abs(np.log(r / a)).mean()
    whole = (a.shape[1] - 1) * 128 + 512  # scipy leaves out frames that are not full
    measured = multi_resolution_stft(ours[:whole], real[:whole], (resolution,))
    assert measured == pytest.approx(expected, rel=0.05)


def test_long_audio_is_the_same_in_blocks() -> None:
    """Gives a repeated period the distance of one, whatever the number of blocks."""
    hop = Resolution(256, 64, 256)
    ours, real = (np.tile(noise(s, 0.08), 100) for s in (1, 2))  # 2000 frames: two blocks
    short = multi_resolution_stft(ours[: RATE // 2], real[: RATE // 2], (hop,))
    assert multi_resolution_stft(ours, real, (hop,)) == pytest.approx(short, rel=0.02)


@pytest.mark.parametrize("key", [60, 64, 69, 83])
def test_chroma_of_a_tone_is_its_pitch_class(key: int) -> None:
    frames = chroma(sine(key), RATE)[:-5]
    assert frames.shape[1] == 12
    assert set(frames.argmax(axis=1)) == {key % 12}
    assert (frames.max(axis=1) / frames.sum(axis=1)).min() > 0.95


def test_chroma_knows_octaves_as_one_and_other_notes_apart() -> None:
    assert chroma_similarity(sine(72), sine(60), RATE) > 0.99
    assert chroma_similarity(sine(66), sine(60), RATE) < 0.1


@pytest.mark.parametrize("measure", [multi_resolution_stft, chroma_similarity])
def test_nothing_is_compared_with_silence(measure) -> None:
    rate = () if measure is multi_resolution_stft else (RATE,)
    with pytest.raises(ValueError, match="the real recording is silent"):
        measure(noise(0), np.zeros(RATE, np.float32), *rate)


def test_recordings_of_different_length_are_no_pair() -> None:
    assert distances(noise(0, 1.2), noise(0, 1.0), MELGAN).seconds == 1.0
    with pytest.raises(ValueError, match=r"lasts 1.0 s and the real recording 2.0 s; not one"):
        distances(noise(0, 1.0), noise(0, 2.0), MELGAN)


def test_distance_is_that_of_the_frames() -> None:
    ours, real = noise(3), noise(4)
    a, b = log_mel(ours, MELGAN), log_mel(real, MELGAN)
    total = sum(abs(float(x) - float(y)) for row, other in zip(a, b) for x, y in zip(row, other))
    assert distances(ours, real, MELGAN).log_mel_l1 == pytest.approx(total / a.size, rel=1e-4)
