"""The SavedModel vocoder, with a small model of the same signature."""

import dataclasses
import sys
import types

import numpy as np
import pytest
from neural_cases import melody_mel

from mt3synth.audio.mel import MELGAN
from mt3synth.errors import UserError
from mt3synth.vocoder import soundstream
from mt3synth.vocoder.protocol import Vocoder, VocoderError
from mt3synth.vocoder.soundstream import SoundStream

SLOPE = np.linspace(0, 1, 320, dtype=np.float32)


def save_decoder(folder, samples_per_frame=320):
    """Saves a decoder that makes each frame's level, smoothed over three frames, on a ramp."""
    import tensorflow as tf

    class Decoder(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, None, 128], tf.float32)])
        def __call__(self, log_mel):
            level = tf.reduce_mean(log_mel, axis=-1)
            padded = tf.pad(level, [[0, 0], [1, 1]])
            smooth = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
            ramps = smooth[:, :, None] * SLOPE[:samples_per_frame]
            return tf.reshape(ramps, [tf.shape(log_mel)[0], -1])

    tf.saved_model.save(Decoder(), str(folder))


def expected(mel):
    level = mel.astype(np.float64).mean(axis=1)
    return np.outer(np.convolve(level, np.ones(3))[1:-1], SLOPE).reshape(-1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("tensorflow")
    place = tmp_path_factory.mktemp("models") / "decoder"
    save_decoder(place)
    return place


@pytest.fixture(scope="module")
def vocoder(folder):
    return SoundStream.load(str(folder))


def test_gives_what_the_model_gives(vocoder):
    mel = melody_mel(50)
    audio = vocoder(mel)
    assert isinstance(vocoder, Vocoder)
    assert audio.shape == (50 * 320,) and audio.dtype == np.float32
    np.testing.assert_allclose(audio, expected(mel), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("frames", [1, 20, 21, 59, 60])
def test_long_songs_are_decoded_in_blocks_without_a_trace(vocoder, monkeypatch, frames):
    monkeypatch.setattr(soundstream, "_BLOCK", 20)
    monkeypatch.setattr(soundstream, "_CONTEXT", 2)
    seen = []

    def decode(log_mel):
        seen.append(log_mel.shape[1])
        return vocoder.decode(log_mel)

    mel = melody_mel(frames)
    audio = dataclasses.replace(vocoder, decode=decode)(mel)
    np.testing.assert_allclose(audio, expected(mel), rtol=1e-5, atol=1e-4)
    assert max(seen) <= 24


@pytest.mark.parametrize(
    ("mel", "message"),
    [
        (np.zeros((0, 128), np.float32), "0 frames; must be at least 1"),
        (np.full((3, 128), np.nan, np.float32), "not finite in 3 frames"),
    ],
)
def test_refuses_frames(vocoder, mel, message):
    with pytest.raises(VocoderError, match=message):
        vocoder(mel)


def test_audio_that_is_not_finite_is_refused(vocoder):
    def decode(log_mel):
        return np.full((1, log_mel.shape[1] * 320), np.nan)

    broken = dataclasses.replace(vocoder, decode=decode)
    with pytest.raises(VocoderError, match="made audio that is not finite"):
        broken(melody_mel(3))


def test_frames_of_another_spec_are_refused(folder):
    other = dataclasses.replace(MELGAN, bins=80)
    with pytest.raises(UserError, match=r"does not take log-mel of shape \[1, 8, 80\]"):
        SoundStream.load(str(folder), other)


def test_a_model_of_another_rate(tmp_path):
    pytest.importorskip("tensorflow")
    save_decoder(tmp_path / "model", samples_per_frame=160)
    with pytest.raises(
        UserError, match=r"output of shape \[1, 1280\] of 8 frames, not \[1, 2560\]"
    ):
        SoundStream.load(str(tmp_path / "model"))


def test_a_model_that_cannot_be_called(tmp_path):
    tf = pytest.importorskip("tensorflow")
    tf.saved_model.save(tf.Module(), str(tmp_path / "model"))
    with pytest.raises(UserError, match="cannot be called; what is wanted is a function of"):
        SoundStream.load(str(tmp_path / "model"))


def test_a_folder_that_is_no_model(tmp_path):
    pytest.importorskip("tensorflow")
    with pytest.raises(UserError, match=r"is no SavedModel: it has no saved_model\.pb; unpack"):
        SoundStream.load(str(tmp_path))
    (tmp_path / "saved_model.pb").write_bytes(b"not a model")
    with pytest.raises(UserError, match="cannot be loaded: "):
        SoundStream.load(str(tmp_path))


def test_an_address_is_left_to_tensorflow_hub(vocoder, monkeypatch):
    asked = []

    def load(address):
        asked.append(address)
        return vocoder.decode

    monkeypatch.setitem(sys.modules, "tensorflow_hub", types.SimpleNamespace(load=load))
    mel = melody_mel(10)
    np.testing.assert_array_equal(SoundStream.load(soundstream.ADDRESS)(mel), vocoder(mel))
    assert asked == [soundstream.ADDRESS]

    def unreachable(address):
        raise OSError("no route to host\nand a long trace")

    monkeypatch.setitem(sys.modules, "tensorflow_hub", types.SimpleNamespace(load=unreachable))
    with pytest.raises(UserError, match="cannot be had: no route to host; a folder that holds"):
        SoundStream.load(soundstream.ADDRESS)


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("tensorflow", "SoundStream needs tensorflow .*: pip install tensorflow"),
        ("tensorflow_hub", "pip install tensorflow-hub tf-keras 'setuptools<82'"),
    ],
)
def test_what_is_missing_is_said(monkeypatch, missing, said):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UserError, match=said) as refusal:
        SoundStream.load(soundstream.ADDRESS)
    assert "\n" not in str(refusal.value)
