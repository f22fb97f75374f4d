"""A network in blocks against the same network all at once."""

import dataclasses

import jax
import numpy as np
import pytest
from neural_cases import TINY, melody_mel, tiny_weights

from mt3synth.audio.mel import MELGAN
from mt3synth.vocoder import neural
from mt3synth.vocoder.neural import NeuralVocoder
from mt3synth.vocoder.protocol import Vocoder, VocoderError, check_spec
from mt3synth.vocoder.vocos import Vocos

HOP = MELGAN.hop


@pytest.fixture(scope="module")
def vocoder() -> NeuralVocoder:
    return dataclasses.replace(NeuralVocoder.of(tiny_weights()), block=33)


@pytest.fixture(scope="module")
def whole():
    """Renders a song by the network alone."""
    apply = jax.jit(Vocos(TINY, MELGAN).apply)
    params = tiny_weights().params
    return lambda mel: np.asarray(apply({"params": params}, mel[None]))[0]


def test_is_a_vocoder(vocoder):
    assert isinstance(vocoder, Vocoder)
    check_spec(vocoder, MELGAN)
    with pytest.raises(VocoderError, match=r"hop=160 \(vocoder: 320\)"):
        check_spec(vocoder, dataclasses.replace(MELGAN, hop=160))


@pytest.mark.parametrize("block", [5, 33, 200])
def test_blocks_of_any_length_give_the_whole(vocoder, whole, block):
    """Shorter than what a frame sees, several to the song, and longer than the song."""
    mel = melody_mel(150)
    expected = whole(mel)
    assert np.abs(expected).max() > 0.01
    made = dataclasses.replace(vocoder, block=block)(mel)
    assert made.shape == (150 * HOP,) and made.dtype == np.float32
    np.testing.assert_allclose(made, expected, atol=1e-5)


def test_one_program_serves_songs_of_all_lengths(vocoder):
    vocoder(melody_mel(1))
    programs = neural._finish_block._cache_size()
    for frames in (2, 33, 34, 100):
        assert vocoder(melody_mel(frames)).shape == (frames * HOP,)
    assert neural._finish_block._cache_size() == programs


def test_blocks_that_are_finished_at_once_are_those_of_one_after_the_other(vocoder, monkeypatch):
    mel, made = melody_mel(300), []
    for at_once in (1, 2, 4):
        monkeypatch.setattr(neural, "_blocks_at_once", lambda at_once=at_once: at_once)
        made.append(vocoder(mel))
    for other in made[1:]:
        np.testing.assert_array_equal(other, made[0])


def test_the_share_that_is_done_rises_to_all_of_it(vocoder):
    told = []
    dataclasses.replace(vocoder, on_block=told.append)(melody_mel(100))
    assert len(told) >= 4 and told == sorted(told) and told[-1] == 1


def test_what_comes_later_than_it_looks_ahead_changes_nothing(vocoder):
    mel = melody_mel(100)
    other = mel.copy()
    other[80:] = np.log(MELGAN.floor)
    before = (80 - TINY.context(MELGAN) - TINY.lag(MELGAN)) * HOP
    one, two = vocoder(mel), vocoder(other)
    np.testing.assert_array_equal(one[:before], two[:before])
    assert not np.array_equal(one, two)


def test_frames_of_another_type_are_taken_as_they_are(vocoder):
    mel = melody_mel(40).astype(np.float16)
    np.testing.assert_array_equal(vocoder(mel), vocoder(mel.astype(np.float32)))


@pytest.mark.parametrize(
    ("mel", "message"),
    [
        (np.zeros((5, 80), np.float32), r"shape \(5, 80\); must be \[frames, 128\]"),
        (np.zeros((0, 128), np.float32), "0 frames; must be at least 1"),
        (np.full((3, 128), np.nan, np.float32), "not finite in 3 frames, the first 0"),
        (np.full((3, 128), 100.0, np.float32), "log-mel up to 100.0"),
    ],
)
def test_refuses_frames(vocoder, mel, message):
    with pytest.raises(VocoderError, match=message):
        vocoder(mel)


def test_broken_weights_are_not_heard(vocoder):
    params = jax.tree.map(lambda leaf: np.full_like(leaf, np.nan), vocoder.params)
    with pytest.raises(VocoderError, match="not finite: its weights are broken"):
        dataclasses.replace(vocoder, params=params)(melody_mel(3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"block": 0}, "block=0 frames; must be at least 1"),
        ({"config": dataclasses.replace(TINY, fft=1000)}, "fft=1000"),
    ],
)
def test_refuses_settings(vocoder, change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(vocoder, **change)
