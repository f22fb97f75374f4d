"""``mt3synth prepare transcribe``: from recordings to a data set, and what it refuses."""

import numpy as np
import pytest
import soundfile

from mt3synth.symbolic.midi import read_midi

OWN = """
import numpy as np
from mt3synth.symbolic.notes import Notes

class Middle:
    def __call__(self, audio, sample_rate):
        return Notes(*(np.array([v]) for v in (0.5, len(audio) / sample_rate, 60, 80, 0, False)))
"""


@pytest.fixture
def music(here):
    """Writes two recordings of 6 s, a silent one and a broken one."""
    (here / "own.py").write_text(OWN)
    (here / "my music/piano").mkdir(parents=True)
    tone = 0.3 * np.sin(2 * np.pi * 261.6 * np.arange(6 * 22050) / 22050)
    for name in ("take 1", "夜"):
        soundfile.write(here / f"my music/piano/{name}.wav", tone, 22050)
    soundfile.write(here / "my music/silent.flac", np.zeros(9), 22050)
    (here / "my music/broken.wav").write_bytes(b"RIFF....")
    return here / "my music"


def transcribe(run, *options):
    return run("prepare", "transcribe", *options, "--transcriber", "own.py:Middle")


def test_recordings_become_a_data_set(run, music):
    done = transcribe(run, music, "--out", "made", "--program", "6")
    assert done.status == 3
    assert done.err == []
    assert done.out[-2:] == [
        *("2 of 4 recordings: made/manifest.csv", "2 left out: made/rejected.csv")
    ]
    assert read_midi("made/piano/夜.mid")[0].program.tolist() == [6]
    table = (music.parent / "made/manifest.csv").read_text()
    assert table.splitlines()[1:] == [
        "../my music/piano/take 1.wav,piano/take 1.mid,piano",
        "../my music/piano/夜.wav,piano/夜.mid,piano",
    ]
    out = ("--out", "set", "--format", "numpy", "--workers", "1")
    built = run("prepare", "pairs", "--manifest", "made/manifest.csv", *out)
    assert built.status == 0, built.err
    again = transcribe(run, music / "piano", "--out", "made", "--performance", "my piano")
    assert again.status == 0
    assert "kept made/take 1.mid" not in again.out[0]  # another folder given, another place


def test_run_again_it_keeps_what_is_there(run, music):
    for verb in ("notes in", "kept"):
        done = transcribe(run, music / "piano", "--out", "made")
        assert done.status == 0
        assert all(verb in line for line in done.out[:2])


@pytest.mark.parametrize(
    "options, message",
    [
        (["--strict"], "mt3synth prepare transcribe: my music/broken.wav: "),
        (["--program", "128"], "--program 128; must be in 0..127"),
        (["--sample-rate", "0"], "--sample-rate 0; must be at least 1"),
        (["--transcriber", "own.py:Nobody"], "own.py has no Nobody"),
    ],
)
def test_refusals_are_one_line(run, music, options, message):
    default = [] if "--transcriber" in options else ["--transcriber", "own.py:Middle"]
    done = run("prepare", "transcribe", "my music", "--out", "made", *default, *options)
    assert done.status == 2
    assert len(done.err) == 1 and message in done.err[0]


def test_no_recordings(run, here):
    (here / "empty").mkdir()
    for name, status, message in (("empty", 2, "no recordings"), ("missing.wav", 3, "")):
        done = run("prepare", "transcribe", name, "--out", "x", "--transcriber", "math:sqrt")
        assert done.status == status
        assert message in "".join(done.err)
