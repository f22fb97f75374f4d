"""Checks `mt3synth synthesize --stream -`, and that long songs are written while they are made."""

import io
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from cli_cases import write_song

import mt3synth
from mt3synth.audio.files import read_audio, read_metadata
from mt3synth.audio.playback import limit_softly, wav_header
from mt3synth.synthesis import synthesizer

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.usefixtures("quick_griffin_lim")


@pytest.fixture
def stream(synthesize, monkeypatch):
    """Streams a song; returns what is written to standard output."""

    def call(*argv: object) -> bytes:
        with tempfile.TemporaryFile("w+") as out:
            with monkeypatch.context() as patched:
                patched.setattr("sys.stdout", out)
                outcome = synthesize(*argv, "--stream", "-")
            assert outcome.status == 0, outcome.err
            out.buffer.seek(0)
            return out.buffer.read()

    return call


def test_a_wav_file_comes_out_of_standard_output(stream, here):
    write_song("song.mid", 60, 64, 67)
    written = stream("song.mid")
    audio, rate = soundfile.read(io.BytesIO(written), dtype="int16")
    assert (rate, len(audio)) == (16000, 200 * 320)  # notes of 1.5 s, and the tail
    assert np.abs(audio).max() > 0
    assert stream("song.mid", "--raw") == written[44:] == audio.astype("<i2").tobytes()
    assert [path.name for path in here.iterdir()] == ["song.mid"]


def test_the_header_is_that_of_a_wav_file():
    samples = np.arange(5, dtype="<i2")
    written = wav_header(5, 16000) + samples.tobytes()
    read, rate = soundfile.read(io.BytesIO(written), dtype="int16")
    assert rate == 16000 and read.tolist() == samples.tolist()
    assert struct.unpack("<I", wav_header(2**40, 16000)[40:])[0] < 2**32


def test_the_samples_are_those_that_python_yields(stream, bundle_folder):
    write_song("song.mid", 60, 64)
    options = {"steps": 2, "seed": 3, "vocoder": "griffin-lim"}
    model = mt3synth.load(bundle_folder)
    theirs = stream("song.mid", "--seed", 3, "--raw")
    theirs = np.frombuffer(theirs, "<i2") / 32767
    for samples in (None, 1, 1000):
        arrays = list(model.stream("song.mid", samples=samples, **options))
        audio = np.concatenate(arrays)
        assert audio.dtype == np.float32
        np.testing.assert_allclose(audio, theirs, atol=1 / 32767)
        if samples is not None:
            assert {len(array) for array in arrays[:-1]} == {samples}
    song = model.render("song.mid", continuity="stream", **options)
    np.testing.assert_allclose(audio, limit_softly(song.audio / song.gain), atol=1e-4)


@pytest.mark.parametrize("raw", [pytest.param((), marks=pytest.mark.slow), ("--raw",)])
def test_a_reader_that_goes_away_is_no_error(bundle_folder, raw):
    write_song("song.mid", *range(40, 100))
    command = [sys.executable, "-m", "mt3synth", "synthesize", "song.mid", "--steps", "1"]
    process = subprocess.Popen(
        [*command, "--bundle", str(bundle_folder), "--stream", "-", *raw],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout and process.stderr
    assert len(process.stdout.read(10)) == 10
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 0


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--stream", "out.wav"), "--stream out.wav; must be -"),
        (("--stream", "-", "-o", "out.wav"), "leave out -o and --save-mel"),
        (("--stream", "-", "--save-mel", "out.npy"), "leave out -o and --save-mel"),
        (("other.mid", "--stream", "-"), "renders a single song"),
        (("--raw",), "--raw goes with --stream -"),
        (("--stream", "-", "--overlap", "3"), "unrecognized arguments"),
        (("--stream", "-", "--end", "-1"), "end=-1.0 s; must be after"),
    ],
)
def test_what_does_not_go_together_is_one_line(run, argv, said):
    outcome = run("synthesize", "song.mid", *argv)
    assert outcome.status == 2 and outcome.out == []
    assert len(outcome.err) == 1 and said in outcome.err[0]


def test_a_terminal_is_no_player(run, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    outcome = run("synthesize", "song.mid", "--stream", "-")
    assert outcome.status == 2 and "pipe it into a player" in outcome.err[0]


def test_a_long_song_is_written_while_it_is_made(synthesize, bundle_folder, monkeypatch, here):
    monkeypatch.setattr(synthesizer, "LONGEST_CANVAS_S", 3.0)
    write_song("song.mid", 60, 64, 67)
    outcome = synthesize("song.mid")
    assert outcome.status == 0 and "song.wav: 4.0 s of audio in" in outcome.err[-1]
    song = mt3synth.load(bundle_folder).render("song.mid", steps=2, vocoder="griffin-lim")
    song.write("whole.wav")
    assert Path("song.wav").read_bytes() == Path("whole.wav").read_bytes()
    assert read_metadata("song.wav")["continuity"] == "stream"
    # Frames are kept in memory where they are asked for.
    assert synthesize("song.mid", "-o", "x.wav", "--save-mel", "x.npy").status == 0
    assert len(np.load("x.npy")) == 200
    assert len(read_audio("x.wav", 16000)) == 200 * 320
