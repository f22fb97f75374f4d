"""A step towards mel frames, against the same in dense matrices and in NumPy."""

import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.audio.mel import MELGAN, hann_window, log_mel, mel_filterbank
from mt3synth.vocoder.mel_projection import make_targets, project_to_mel

FRAMES = 12


def oracle(audio: np.ndarray, mel: np.ndarray, hop: int) -> np.ndarray:
    """`project_to_mel`, frame by frame in double precision."""
    weights = np.float64(mel_filterbank(MELGAN))
    window = np.float64(hann_window(MELGAN.window))
    change, square = np.zeros((2, audio.size))
    for frame, level in enumerate(mel):
        here = slice(frame * hop, frame * hop + MELGAN.window)
        spectrum = np.fft.rfft(audio[here] * window, MELGAN.fft)
        lacking = np.clip(level / (np.abs(spectrum) @ weights + 1e-7), 0.25, 4)
        heard = weights.sum(axis=1)
        gain = np.where(heard > 0, (weights @ lacking) / np.maximum(heard, 1e-7) - 1, 0)
        made = np.fft.irfft(spectrum * gain, MELGAN.fft)[: MELGAN.window] * window
        change[here] += made
        square[here] += window**2
    return audio + change / np.maximum(square, 1e-9)


@pytest.mark.parametrize("refine", [1, 2, 4])
def test_a_step_is_what_its_frames_ask_for(refine):
    rng = np.random.default_rng(0)
    audio = 0.1 * rng.standard_normal((FRAMES + 1) * MELGAN.hop)
    wanted = np.exp(log_mel(np.float32(0.2 * audio[::-1]), MELGAN)[:FRAMES])
    given = jnp.log(jnp.asarray(wanted))[None]
    finer = make_targets(given, jnp.ones((1, FRAMES), bool), MELGAN, refine)
    assert finer.mel.shape[1] == (FRAMES - 1) * refine + 1
    between = np.linspace(0, FRAMES - 1, finer.mel.shape[1])
    expected = np.stack([np.interp(between, np.arange(FRAMES), bins) for bins in wanted.T], axis=1)
    np.testing.assert_allclose(finer.mel[0], expected, rtol=2e-5)
    made = project_to_mel(jnp.asarray(audio, jnp.float32)[None], finer, MELGAN)[0]
    inner = slice(MELGAN.window, -MELGAN.window)
    np.testing.assert_allclose(made[inner], oracle(audio, expected, finer.hop)[inner], atol=2e-6)


def test_frames_that_are_not_present_ask_for_nothing():
    audio = np.float32(0.1 * np.random.default_rng(1).standard_normal((1, 9 * MELGAN.hop)))
    present = jnp.arange(8)[None] < 3
    wanted = make_targets(jnp.zeros((1, 8, MELGAN.bins)), present, MELGAN, 2)
    np.testing.assert_array_equal(np.flatnonzero(wanted.present[0]), range(5))
    made = np.asarray(project_to_mel(jnp.asarray(audio), wanted, MELGAN))[0]
    after = 2 * MELGAN.hop + MELGAN.window
    np.testing.assert_array_equal(made[after:], audio[0, after:])
    assert not np.array_equal(made[:after], audio[0, :after])
