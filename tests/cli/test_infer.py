"""`python -m mt3synth.infer`: the same sound as `mt3synth synthesize`, said in gin's macros."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_cases import write_song
from conftest import FAST

from mt3synth import infer
from mt3synth.audio.files import read_metadata

ROOT = Path(__file__).parents[2]


@pytest.fixture
def render(bundle_folder, capsys):
    """Calls the program with macros, on the tiny model."""

    def call(*bindings: str, file: str | None = None) -> tuple[int, list[str]]:
        argv = [f"--gin.{b}" for b in (f"BUNDLE='{bundle_folder}'", *bindings)]
        status = infer.main([FAST[-1], *argv, *(["--gin_file", file] if file else [])])
        return status, capsys.readouterr().err.splitlines()

    return call


def test_macros_do_what_options_do(synthesize, render):
    write_song("song.mid", 60)
    options = ("--performance", "hall", "--seed", 7, "--guidance-notes", 2, "--end", 0.4)
    assert synthesize("song.mid", "-o", "theirs.wav", *options).status == 0
    status, lines = render(
        *("MIDI='song.mid'", "OUTPUT='ours.wav'", "PERFORMANCE='hall'", "STEPS=2", "SEED=7"),
        *("GUIDANCE_NOTES=2.0", "END=0.4"),
    )
    assert status == 0 and "ours.wav: 2.9 s of audio in" in lines[-1]
    assert Path("ours.wav").read_bytes() == Path("theirs.wav").read_bytes()


def test_files_are_read_after_the_macros_defaults_and_may_be_several(render):
    for name in ("a.mid", "b.mid"):
        write_song(name, 60)
    Path("mine.gin").write_text(
        "from __gin__ import dynamic_registration\nfrom mt3synth import synthesis\n"
        "include 'gin_configs/infer/infer.gin'\n"
        "MIDI = ('a.mid', 'b.mid')\nsynthesis.SamplingConfig.tail = 0.5\nSTEPS = 1\n"
    )
    assert render(file="mine.gin")[0] == 0
    assert {read_metadata(f"{name}.wav")["tail"] for name in "ab"} == {"0.5"}
    status, lines = render(file="mine.gin")
    assert status == 2 and "a.wav exists; give --overwrite" in lines[0]
    assert render("OVERWRITE=True", "STEPS=2", file="mine.gin")[0] == 0
    assert read_metadata("a.wav")["steps"] == "2"


@pytest.mark.parametrize(
    "bindings, said",
    [
        ((), "MIDI has no value; give --gin.MIDI=..."),
        (("MIDI=song.mid",), "the value song is not understood; text needs quotes"),
        (("MIDI='song.mid'", "STEP=3"), "STEP=3: no file defines STEP; did you mean STEPS?"),
        (("MIDI=()",), "MIDI=(); must be a path in quotes, or a tuple of them"),
        (("MIDI='song.mid'", "PERFORMANCE='hal'"), "no performance 'hal'; did you mean 'hall'?"),
        (("MIDI='song.mid'", "STEPS=-1"), "steps=-1"),
        (("MIDI='none.mid'",), "none.mid"),
    ],
)
def test_what_is_wrong_is_one_line(render, bindings, said):
    write_song("song.mid", 60)
    status, (line,) = render(*bindings)
    assert status == 2 and said in line
    assert not list(Path().glob("*.wav"))


def test_the_module_can_be_run():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "mt3synth.infer", "--gin.MIDI=3"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("python -m mt3synth.infer: gin configuration: MIDI=3; must be")
