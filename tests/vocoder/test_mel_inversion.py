"""Mel magnitudes to linear ones and back; peaks of known sinusoids."""

import jax.numpy as jnp
import numpy as np

from mt3synth.audio.mel import MELGAN, mel_filterbank
from mt3synth.vocoder.mel_inversion import estimate_magnitude, interpolate_frames
from mt3synth.vocoder.spsi import estimate_phases, peak_frequencies
from mt3synth.vocoder.stft import Stft

WEIGHTS = jnp.asarray(mel_filterbank(MELGAN))
STFT = Stft(160, 640, 1024)


def test_estimated_magnitude_has_the_mel_it_came_from():
    mel = jnp.float32(np.random.default_rng(0).gamma(1.0, size=(5, 513))) @ WEIGHTS
    linear = np.asarray(estimate_magnitude(mel, WEIGHTS, 200))
    assert linear.min() >= 0
    np.testing.assert_allclose(linear @ WEIGHTS, mel, rtol=0.02)


def test_interpolated_frames_keeps_the_frames_and_the_means():
    mel = jnp.float32([[1, 10], [3, 20]])
    expected = [[1, 10], [2, 15], [3, 20], [3, 20]]
    np.testing.assert_allclose(interpolate_frames(mel, 2), expected)


def sinusoids(*hz: float) -> jnp.ndarray:
    time = np.arange(STFT.samples(20)) / 16000
    return jnp.float32(sum(np.sin(2 * np.pi * f * time) for f in hz))


def test_peaks_are_where_the_sinusoids_are():
    _, frequency = peak_frequencies(jnp.abs(STFT.forward(sinusoids(500.0, 2345.0))))
    hz = np.asarray(frequency)[10] * 16000 / 1024
    assert abs(hz[32] - 500) < 1 and abs(hz[150] - 2345) < 1


def test_estimated_phases_continue_a_sinusoid():
    """Given only its first frame, a sinusoid's later phases are foretold."""
    spectrum = STFT.forward(sinusoids(1003.0))
    is_known = jnp.arange(20) == 0
    known = jnp.where(is_known[:, None], jnp.angle(spectrum), 0)
    phases = np.asarray(estimate_phases(jnp.abs(spectrum), known, is_known, STFT))
    peak = 64
    error = np.angle(np.exp(1j * (phases - np.angle(np.asarray(spectrum)))))[:, peak - 1 : peak + 2]
    assert np.abs(error).max() < 0.3
