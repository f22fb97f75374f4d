"""Distances of audio, against closed forms and against the NumPy front end."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.audio.mel import MELGAN
from mt3synth.audio.mel import log_mel as numpy_log_mel
from mt3synth.vocoder.jax_mel import log_mel
from mt3synth.vocoder.losses import (
    Resolution,
    discriminator_loss,
    feature_matching,
    generator_loss,
    level_distance,
    log_magnitude_distance,
    spectral_convergence,
    spectral_losses,
)

distances = jax.jit(lambda made, real: spectral_losses(made, real, MELGAN))
NOISE = np.random.default_rng(0).standard_normal((2, 8000)).astype(np.float32)


@pytest.mark.parametrize("samples", [8000, 8001, 320, 5])
@pytest.mark.parametrize("level", [1.0, 1e-5, 0.0])
def test_the_mel_is_that_of_the_front_end(samples, level):
    audio = level * NOISE[:, :samples]
    expected = [numpy_log_mel(each, MELGAN) for each in audio]
    np.testing.assert_allclose(log_mel(jnp.asarray(audio), MELGAN), expected, atol=1e-4)


def test_a_gain_is_its_logarithm_apart():
    losses = distances(jnp.asarray(NOISE * 2), jnp.asarray(NOISE))
    np.testing.assert_allclose(losses["mel"], np.log(2), rtol=1e-4)
    np.testing.assert_allclose(losses["mels"], np.log(2), rtol=0.05)  # some bins are empty
    np.testing.assert_allclose(losses["stft"], np.log(2) + 1, rtol=1e-3)


def test_nothing_lies_between_the_same():
    losses = distances(jnp.asarray(NOISE), jnp.asarray(NOISE))
    assert max(float(loss.max()) for loss in losses.values()) < 1e-6


def test_spectra_by_hand():
    real = jnp.asarray([[[3.0, 4.0]], [[1.0, 0.0]]])
    made = jnp.asarray([[[3.0, 0.0]], [[np.e, 0.0]]])
    np.testing.assert_allclose(spectral_convergence(made, real), [0.8, np.e - 1], rtol=2e-3)
    distance = log_magnitude_distance(made, real, 1e-5)
    np.testing.assert_allclose(distance, [0.5 * np.log(4e5), 0.5], rtol=1e-5)


def test_levels_are_those_of_frames_around_the_middle_of_mel_frames():
    """Cuts each frame out by its middle, at hop * i + window / 2."""
    fft, frames = 1280, 25
    levels = np.zeros((2, frames, fft // 2 + 1), np.float32)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(fft) / fft)
    for i in range(1, frames - 2):
        middle = MELGAN.hop * i + MELGAN.window // 2
        cut = NOISE[:, middle - fft // 2 : middle + fft // 2]
        levels[:, i] = np.log(np.abs(np.fft.rfft(cut * window)))
    right = level_distance(jnp.asarray(levels), jnp.asarray(NOISE), MELGAN)
    np.testing.assert_allclose(right, 0, atol=1e-3)
    higher = level_distance(jnp.asarray(levels + 0.5), jnp.asarray(NOISE), MELGAN)
    np.testing.assert_allclose(higher, 0.5, atol=1e-3)


def test_hinges_by_hand():
    real = [jnp.asarray([[2.0, 0.0], [1.0, 1.0]]), jnp.asarray([[0.5], [-1.0]])]
    made = [jnp.asarray([[-2.0, 0.0], [1.0, -1.0]]), jnp.asarray([[-0.5], [-3.0]])]
    # First discriminator: (0 + 1) / 2 and (0 + 1) / 2; second 0.5 + 0.5. Second example: 0 and
    # (2 + 0) / 2; 2 and 0.
    np.testing.assert_allclose(discriminator_loss(real, made), [(1 + 1) / 2, (1 + 2) / 2])
    np.testing.assert_allclose(generator_loss(made), [((3 + 1) / 2 + 1.5) / 2, (1 + 4) / 2])


def test_features_match_layer_by_layer_without_the_scores():
    real = [[jnp.zeros((1, 4)), jnp.zeros((1, 2, 2)), jnp.zeros((1, 1))]]
    made = [[jnp.full((1, 4), 2.0), jnp.full((1, 2, 2), -4.0), jnp.full((1, 1), 100.0)]]
    np.testing.assert_allclose(feature_matching(real, made), [3.0])


@pytest.mark.parametrize(("window", "bins"), [(0, 1), (6, 1), (8, 0)])
def test_resolutions_that_cannot_be(window, bins):
    with pytest.raises(ValueError, match="must be"):
        Resolution(window, bins)
