"""Sound in all formats that it can be written in: its samples, its length, its metadata."""

import os
import shutil

import numpy as np
import pytest
import soundfile

from mt3synth.audio import encoding
from mt3synth.audio.files import (
    AudioError,
    audio_seconds,
    check_output,
    read_audio,
    read_metadata,
    write_audio,
)

RATE = 16000
METADATA = {"performance": "Orgue de Saint-Étienne 音楽", "seed": "7", "quoted": '=;#"\\'}
LOSSY = [
    *(".mp3", ".ogg", ".opus"),
    pytest.param(
        ".m4a", marks=pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg")
    ),
]


def music(seconds: float = 2.0, rate: int = RATE) -> np.ndarray:
    """Four fading notes."""
    time = np.arange(int(seconds * rate)) / rate
    keys = np.sin(2 * np.pi * np.multiply.outer([220, 277.2, 329.6, 440], time))
    return (0.2 * keys.sum(0) * np.exp(-time)).astype(np.float32)


@pytest.mark.parametrize("suffix", LOSSY)
def test_lossy_formats_keep_sound_length_and_metadata(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    audio = music()
    write_audio(path, audio, RATE, METADATA)
    assert os.listdir(tmp_path) == [path.name]
    assert read_metadata(path) == METADATA
    assert audio_seconds(path) == pytest.approx(2.0, abs=0.1)
    back = read_audio(path, RATE)[: len(audio)]
    # The first frames of a codec are still finding their way.
    error = (back - audio[: len(back)])[4000:]
    assert np.mean(error**2) < 0.01 * np.mean(audio[4000:] ** 2)
    first = path.read_bytes()
    write_audio(path, audio, RATE, METADATA)
    assert len(path.read_bytes()) == len(first)


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg")
def test_ffmpeg_is_asked_once_for_each_file(tmp_path, monkeypatch):
    calls = []
    encode = encoding.ffmpeg.encode
    monkeypatch.setattr(
        encoding.ffmpeg, "encode", lambda *args: calls.append(len(args[0])) or encode(*args)
    )
    check_output(tmp_path / "a.m4a", METADATA)
    assert calls == [1000]  # whether it can, before anything is rendered
    write_audio(tmp_path / "a.m4a", music(), RATE, METADATA)
    assert calls == [1000, 2 * RATE]


@pytest.mark.parametrize("suffix", LOSSY)
@pytest.mark.parametrize("rate", [22050, 44100, 96000])
def test_formats_that_do_not_know_a_rate_get_one_that_they_know(tmp_path, suffix, rate):
    path = tmp_path / f"a{suffix}"
    write_audio(path, music(1.0, rate), rate, {})
    back = read_audio(path, rate)
    assert len(back) == pytest.approx(rate, rel=0.1)
    assert np.abs(back).max() == pytest.approx(np.abs(music(1.0, rate)).max(), rel=0.1)


def test_wav_and_flac_hold_the_same_samples(tmp_path):
    """At one bit depth, and those that libsndfile makes for WAV of its own."""
    audio = np.random.default_rng(0).uniform(-1, 1, 100_000).astype(np.float32)
    audio[:6] = [1, -1, 0, -0.0, 1e-9, -1e-9]
    for suffix in (".wav", ".flac"):
        write_audio(tmp_path / f"a{suffix}", audio, RATE, METADATA)
    soundfile.write(tmp_path / "b.wav", audio, RATE, "PCM_16")
    read = (soundfile.read(tmp_path / name, dtype="int16")[0] for name in ("a.wav", "a.flac"))
    expected = soundfile.read(tmp_path / "b.wav", dtype="int16")[0]
    for samples in read:
        np.testing.assert_array_equal(samples, expected)
    assert soundfile.info(tmp_path / "a.flac").subtype == "PCM_16"


def test_minutes_of_vorbis_are_encoded(tmp_path):
    """At once, they would overflow the stack of libsndfile's encoder."""
    path = tmp_path / "a.ogg"
    write_audio(path, np.zeros(300 * 8000, np.float32), 8000, {})
    assert audio_seconds(path) == 300


def test_ffmpeg_encodes_what_libsndfile_cannot(tmp_path, monkeypatch):
    if not shutil.which("ffmpeg"):
        pytest.skip("needs ffmpeg")
    monkeypatch.setattr(encoding.soundfile, "available_subtypes", lambda container: {})
    for suffix in (".mp3", ".ogg", ".opus"):
        path = tmp_path / f"a{suffix}"
        check_output(path, METADATA)
        write_audio(path, music(), RATE, METADATA)
        assert read_metadata(path) == METADATA
        assert audio_seconds(path) == pytest.approx(2.0, abs=0.2)


def test_a_missing_encoder_is_said_beforehand(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AudioError, match=r"a\.m4a: \.m4a needs ffmpeg, which is not installed"):
        check_output(tmp_path / "a.m4a", {})
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho 'Unknown encoder' >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(AudioError, match="with the encoder aac: Unknown encoder"):
        check_output(tmp_path / "a.m4a", {})
