"""Audio files: what goes in comes out, and failures leave nothing behind."""

import os

import numpy as np
import pytest
import soundfile

from mt3synth.audio import files
from mt3synth.audio.files import (
    AudioError,
    check_output,
    fit_peak,
    read_audio,
    read_metadata,
    write_audio,
)

RATE = 16000


def sine(hz: float, seconds: float = 0.5, rate: int = RATE) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".WAV"])
def test_round_trip(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    metadata = {"performance": "Orgue de Saint-Étienne", "seed": "7"}
    write_audio(path, sine(440), RATE, metadata)
    np.testing.assert_allclose(read_audio(path, RATE), sine(440), atol=1 / 32000)
    assert read_metadata(path) == metadata
    assert soundfile.info(path).subtype == "PCM_16"
    assert os.listdir(tmp_path) == [path.name]


def test_full_scale_survives(tmp_path):
    audio = np.float32([1.0, -1.0, 0.0])
    write_audio(tmp_path / "a.wav", audio, RATE, {})
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav", RATE), audio, atol=1e-4)
    assert read_metadata(tmp_path / "a.wav") == {}


def test_channels_are_averaged(tmp_path):
    stereo = np.stack([sine(300), np.zeros_like(sine(300))], axis=1)
    soundfile.write(tmp_path / "a.wav", stereo, RATE, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav", RATE), sine(300) / 2, atol=1e-6)


def test_resampling_keeps_frequency_and_level(tmp_path):
    soundfile.write(tmp_path / "a.wav", sine(1000, 1.0, 44100), 44100, subtype="FLOAT")
    audio = read_audio(tmp_path / "a.wav", RATE)
    assert len(audio) == RATE
    middle = slice(4000, 12000)
    np.testing.assert_allclose(audio[middle], sine(1000, 1.0)[middle], atol=1e-3)


@pytest.mark.parametrize("content", [None, b"", b"hello", b"RIFF\0\0\0\0WAVE"])
def test_unreadable_names_the_file(tmp_path, content):
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    for read in (lambda: read_audio(path, RATE), lambda: read_metadata(path)):
        with pytest.raises(AudioError, match=r"a\.wav: "):
            read()


def test_folder_and_headerless_are_no_audio(tmp_path):
    (tmp_path / "a.raw").write_bytes(b"\0" * 64)
    for path in (tmp_path, tmp_path / "a.raw"):
        with pytest.raises(AudioError):
            read_audio(path, RATE)


def test_empty_and_nan(tmp_path):
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), RATE)
    with pytest.raises(AudioError, match="holds no audio"):
        read_audio(tmp_path / "empty.wav", RATE)
    soundfile.write(tmp_path / "nan.wav", np.float32([0, 0, np.nan, 1]), 2, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"1 samples not finite, the first at 1\.000 s"):
        read_audio(tmp_path / "nan.wav", RATE)


def test_foreign_comment(tmp_path):
    with soundfile.SoundFile(tmp_path / "a.wav", "w", RATE, 1) as file:
        file.comment = "made by hand"
    assert read_metadata(tmp_path / "a.wav") == {"comment": "made by hand"}


def test_fit_peak():
    loud, gain = fit_peak(np.float32([0.5, -2.0]))
    np.testing.assert_array_equal(loud, [0.25, -1.0])
    assert gain == 0.5
    quiet = np.float32([0.5])
    assert fit_peak(quiet) == (quiet, 1.0)


@pytest.mark.parametrize(
    "name, metadata, message",
    [
        ("a.mp3", {}, "suffix '.mp3'; must be one of .wav, .flac"),
        ("missing/a.wav", {}, "folder does not exist"),
        ("a.wav", {"x": "y" * 3000}, "metadata of 3009 bytes; must be at most 2000"),
    ],
)
def test_destination_refused_beforehand(tmp_path, name, metadata, message):
    with pytest.raises(AudioError, match=message):
        check_output(tmp_path / name, metadata)


@pytest.mark.parametrize(
    "audio, message",
    [([], "no audio"), ([0, np.nan], "not finite"), ([0, 1.5], "peak 1.500; must be at most 1")],
)
def test_audio_refused(tmp_path, audio, message):
    with pytest.raises(AudioError, match=message):
        write_audio(tmp_path / "a.wav", np.float32(audio), RATE, {})
    assert os.listdir(tmp_path) == []


def test_flac_takes_long_metadata(tmp_path):
    write_audio(tmp_path / "a.flac", sine(440), RATE, {"x": "y" * 3000})
    assert read_metadata(tmp_path / "a.flac") == {"x": "y" * 3000}


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, failure):
    path = tmp_path / "a.wav"
    write_audio(path, sine(440), RATE, {})
    before = path.read_bytes()

    def fail(_: int) -> None:
        raise failure

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises((AudioError, KeyboardInterrupt)) as caught:
        write_audio(path, sine(880), RATE, {})
    if isinstance(failure, OSError):
        assert str(caught.value) == f"{path}: cannot be written: No space left on device"
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.wav"]
