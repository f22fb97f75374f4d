"""How loud renderings are, what becomes of their peaks, and in what files they are."""

import shutil
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile
from cli_cases import write_song

from mt3synth.audio.files import SUFFIXES, audio_seconds, read_audio, read_metadata
from mt3synth.vocoder.griffin_lim import GriffinLim


@pytest.fixture
def burst(monkeypatch):
    """A vocoder whose sound is a soft tone with one attack of 9 dB over full scale."""

    def sound(self, log_mel):
        time = np.arange(len(log_mel) * self.spec.hop) / self.spec.sample_rate
        audio = 0.25 * np.sin(2 * np.pi * 220 * time)
        # The first frames are the silence before a song.
        audio[16000:16320] *= 4 * 10 ** (9 / 20)
        return audio.astype(np.float32)

    monkeypatch.setattr(GriffinLim, "__call__", sound)
    write_song("song.mid", 60)


def test_one_peak_does_not_turn_a_song_down(synthesize, burst):
    outcome = synthesize("song.mid")
    assert "song.wav: peaks limited by up to 9.0 dB" in outcome.err
    audio = read_audio("song.wav", 16000)
    assert np.abs(audio).max() == pytest.approx(1, abs=1e-3)
    assert np.abs(audio[-8000:]).max() == pytest.approx(0.25, abs=1e-3)
    metadata = read_metadata("song.wav")
    assert metadata["gain_db"] == "0.0"
    assert float(metadata["limited_db"]) == pytest.approx(-9, abs=0.1)
    assert "peaks" not in metadata


def test_it_may_be_turned_down_and_the_metadata_undo_it(synthesize, burst):
    outcome = synthesize("song.mid", "--peaks", "scale")
    assert "song.wav: -9.0 dB, so that it does not clip" in outcome.err
    metadata = read_metadata("song.wav")
    assert metadata["peaks"] == "scale" and "limited_db" not in metadata
    audio = read_audio("song.wav", 16000) * 10 ** (-float(metadata["gain_db"]) / 20)
    assert np.abs(audio[-8000:]).max() == pytest.approx(0.25, abs=1e-3)
    assert np.abs(audio).max() == pytest.approx(10 ** (9 / 20), abs=1e-3)


def test_songs_are_brought_to_one_loudness(synthesize, burst):
    outcome = synthesize("song.mid", "--loudness", -20)
    assert outcome.status == 0
    audio = read_audio("song.wav", 16000)
    assert pyloudnorm.Meter(16000).integrated_loudness(audio) == pytest.approx(-20, abs=0.3)
    assert read_metadata("song.wav")["loudness"] == "-20.0"
    assert any(line.endswith(" dB, for -20.0 LUFS") for line in outcome.err)


FORMATS = ["wav", "flac", "mp3", "ogg", "opus", "m4a"]


@pytest.mark.parametrize("name", FORMATS)
def test_files_of_a_folder_are_of_the_format(synthesize, here, name):
    if name == "m4a" and not shutil.which("ffmpeg"):
        pytest.skip("needs ffmpeg")
    (here / "scores").mkdir()
    write_song("scores/song.mid", 60)
    assert synthesize("scores", "--format", name).status == 0
    assert [p.name for p in here.iterdir() if p.is_file()] == [f"song.{name}"]
    assert f".{name}" in SUFFIXES
    assert audio_seconds(f"song.{name}") == pytest.approx(3.0, abs=0.1)
    metadata = read_metadata(f"song.{name}")
    assert metadata["score"] == "song.mid" and "gain_db" in metadata and "seed" in metadata


def test_wav_and_flac_of_one_rendering_are_the_same_samples(synthesize):
    write_song("song.mid", 60)
    synthesize("song.mid")
    synthesize("song.mid", "-o", "song.flac")
    wav, flac = (soundfile.read(f"song.{name}", dtype="int16")[0] for name in ("wav", "flac"))
    np.testing.assert_array_equal(wav, flac)


def test_a_format_that_needs_ffmpeg_is_refused_before_rendering(synthesize, here, monkeypatch):
    write_song("song.mid", 60)
    monkeypatch.setenv("PATH", str(here))
    outcome = synthesize("song.mid", "-o", "song.m4a")
    assert outcome.status == 2
    assert outcome.err == [
        "mt3synth synthesize: song.m4a: .m4a needs ffmpeg, which is not installed"
    ]
    assert not Path("song.m4a").exists()


@pytest.mark.parametrize("loudness", ["3", "nan", "-99"])
def test_a_loudness_that_is_none(synthesize, loudness):
    write_song("song.mid", 60)
    outcome = synthesize("song.mid", "--loudness", loudness)
    assert outcome.status == 2
    assert "LUFS; must be between -70 and 0" in outcome.err[0]
