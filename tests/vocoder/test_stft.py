"""The transform against direct computation, and its inverse against identity."""

import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.vocoder.stft import Stft


@pytest.mark.parametrize("stft", [Stft(160, 640, 1024), Stft(320, 640, 1024), Stft(100, 250, 256)])
def test_frames_are_the_windowed_excerpts(stft):
    frames = 7
    audio = np.random.default_rng(0).normal(size=stft.samples(frames)).astype(np.float32)
    spectrum = np.asarray(stft.forward(jnp.asarray(audio)))
    assert spectrum.shape == (frames, stft.fft // 2 + 1)
    hann = np.hanning(stft.window + 1)[:-1]
    excerpt = audio[3 * stft.hop :][: stft.window] * hann
    np.testing.assert_allclose(spectrum[3], np.fft.rfft(excerpt, stft.fft), atol=1e-3)


@pytest.mark.parametrize("stft", [Stft(160, 640, 1024), Stft(320, 640, 1024), Stft(100, 250, 256)])
def test_inverse_returns_the_audio(stft):
    audio = np.random.default_rng(1).normal(size=stft.samples(12)).astype(np.float32)
    again = np.asarray(stft.inverse(stft.forward(jnp.asarray(audio))))
    inside = slice(stft.window, -stft.window)
    np.testing.assert_allclose(again[inside], audio[inside], atol=1e-4)
