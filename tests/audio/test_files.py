"""Audio files: what goes in comes out, and failures leave nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from mt3synth.audio import files
from mt3synth.audio.files import (
    AudioError,
    audio_seconds,
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


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 96000])
def test_blocks_are_resampled_like_the_whole(tmp_path, rate):
    whole = np.random.default_rng(0).uniform(-0.9, 0.9, (1 << 19) + 12345).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", whole, rate, subtype="FLOAT")
    np.testing.assert_allclose(
        read_audio(tmp_path / "a.wav", RATE), soxr.resample(whole, rate, RATE), atol=1e-5
    )


@pytest.mark.parametrize("samples", [1, 2, 3, 100])
def test_a_few_samples_are_as_many_as_resampled_at_once(tmp_path, samples):
    soundfile.write(tmp_path / "a.wav", np.ones(samples, np.float32) / 2, 44100)
    expected = len(soxr.resample(np.ones(samples, np.float32), 44100, RATE))
    if expected:
        assert len(read_audio(tmp_path / "a.wav", RATE)) == expected
    else:
        with pytest.raises(AudioError, match="too short to resample from 44100 to 16000 Hz"):
            read_audio(tmp_path / "a.wav", RATE)


def test_memory_is_that_of_the_result(tmp_path):
    """20 minutes of 48 kHz stereo, 460 MB as float32, of which 77 MB are asked for."""
    path = tmp_path / "long.wav"
    frames = 20 * 60 * 48000
    soundfile.write(path, np.zeros((1, 2), np.int16), 48000)
    header = bytearray(path.read_bytes()[:-4])
    header[-4:] = (4 * frames).to_bytes(4, "little")
    path.write_bytes(header)
    os.truncate(path, len(header) + 4 * frames)  # a hole in the file: silence that takes no disk
    program = (
        "import re, sys; from mt3synth.audio.files import read_audio\n"
        "status = lambda: open('/proc/self/status').read()\n"
        "peak = lambda: int(re.search('VmHWM: *\\t* *([0-9]+)', status())[1]) / 1024\n"
        "before = peak(); audio = read_audio(sys.argv[1], 16000)\n"
        "print(len(audio), peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True)
    samples, megabytes = done.stdout.split()
    assert int(samples) == 20 * 60 * 16000
    assert float(megabytes) < 130


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "aiff", "au", "w64", "caf"])
def test_length_is_read_from_the_header(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, sine(440, 3.0, 44100), 44100)
    assert audio_seconds(path) == pytest.approx(3.0, abs=1e-3)
    assert len(read_audio(path, RATE)) == pytest.approx(3.0 * RATE, abs=16)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "aiff", "au", "w64", "rf64"])
def test_half_a_file_is_not_taken_for_the_whole(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 20 * 44100)
    soundfile.write(path, noise, 44100, format=suffix)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(
        AudioError, match=rf"a\.{suffix}: (cut off: its header states|broken audio)"
    ):
        read_audio(path, RATE)


def test_size_unknown_when_it_was_written(tmp_path):
    """States the greatest size there is, as programs do that stream into a pipe."""
    path = tmp_path / "a.wav"
    soundfile.write(path, sine(440), RATE)
    data = bytearray(path.read_bytes())
    data[40:44] = b"\xff" * 4
    path.write_bytes(data)
    assert len(read_audio(path, RATE)) == len(sine(440))


def test_absurd_sample_rate(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(9), 1)
    with pytest.raises(AudioError, match="states 1 samples per second; must be at least 1000"):
        read_audio(tmp_path / "a.wav", RATE)


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.wav")
    for read in (audio_seconds, read_metadata):
        with pytest.raises(AudioError, match=r"a\.wav: not a regular file"):
            read(tmp_path / "a.wav")


@pytest.mark.parametrize("name", ["-y.wav", "two words.flac", "Ünïcødé 音楽.wav", "a:b%20'.ogg"])
def test_any_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    soundfile.write(Path(name).absolute(), sine(440), RATE)
    for path in (name, Path(name), tmp_path / name):
        assert len(read_audio(path, RATE)) == len(sine(440))
        assert audio_seconds(path) == pytest.approx(0.5)


@pytest.mark.parametrize("content", [None, b"", b"hello", b"RIFF\0\0\0\0WAVE"])
def test_unreadable_names_the_file(tmp_path, content):
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    reads = (
        lambda: read_audio(path, RATE),
        lambda: read_metadata(path),
        lambda: audio_seconds(path),
    )
    for read in reads:
        with pytest.raises(AudioError, match=r"a\.wav: "):
            read()


def test_folder_and_headerless_are_no_audio(tmp_path):
    (tmp_path / "a.raw").write_bytes(b"\0" * 64)
    for path in (tmp_path, tmp_path / "a.raw"):
        with pytest.raises(AudioError):
            read_audio(path, RATE)


def test_empty_and_nan(tmp_path):
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), RATE)
    for read in (lambda path: read_audio(path, RATE), audio_seconds):
        with pytest.raises(AudioError, match="holds no audio"):
            read(tmp_path / "empty.wav")
    soundfile.write(tmp_path / "nan.wav", np.float32([0, 0, np.nan, 1]), 1000, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"1 samples not finite, the first at 0\.002 s"):
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
        ("a.aiff", {}, "suffix '.aiff'; must be one of .wav, .flac, .mp3, .ogg, .opus, .m4a"),
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
