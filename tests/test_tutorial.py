"""docs/own_recordings.md, command by command, on ten short recordings."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mt3synth.symbolic.midi import read_midi, write_midi

ROOT = Path(__file__).resolve().parent.parent
TUTORIAL = ROOT / "docs/own_recordings.md"
SECONDS = 8.0
FORMATS = ((".wav", 44100, 2), (".flac", 48000, 1), (".ogg", 32000, 2), (".wav", 16000, 1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """``takes/``: stretches of a chorale as FluidSynth plays them, in a room, in many formats."""
    if shutil.which("fluidsynth") is None:
        pytest.skip("fluidsynth is not installed")
    from data_pipelines.corpus.performances import read_performances
    from data_pipelines.corpus.sound.render import render
    from mt3synth.errors import UserError

    try:
        performance = next(p for p in read_performances() if "FluidR3" in p.soundfont.file)
        performance.soundfont.path()
    except UserError as error:
        pytest.skip(str(error))
    takes = tmp_path / "takes"
    takes.mkdir()
    chorale, _ = read_midi(ROOT / "docs/examples/bach_chorale.mid")
    rng = np.random.default_rng(0)
    for i in range(10):
        start = i * (chorale.end_time - SECONDS) / 9
        notes = chorale.cropped(start, start + SECONDS).transposed(i % 3)
        suffix, rate, channels = FORMATS[i % len(FORMATS)]
        audio = 0.5 * render(notes, performance, rate, rng)
        sound = np.stack([audio] * channels, axis=1)
        soundfile.write(takes / f"{i + 1:02}{suffix}", sound, rate)
        write_midi(notes, takes / f"{i + 1:02}.mid")
    return tmp_path


@pytest.mark.slow
def test_every_command_of_the_tutorial(folder: Path) -> None:
    pytest.importorskip("synctoolbox", reason="the tutorial aligns")
    pytest.importorskip("basic_pitch", reason="the tutorial transcribes")
    pytest.importorskip("apache_beam", reason="the tutorial runs Beam")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    commands = re.findall(r"^```\n(.*?)^```$", TUTORIAL.read_text(), re.MULTILINE | re.DOTALL)
    assert len(commands) == 9
    for command in commands:
        done = subprocess.run(
            ["bash", "-e", "-c", command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    mine, beamed = (
        {p.name: p.read_bytes() for p in (folder / "data" / name).glob("*.tfrecord")}
        for name in ("mine", "beamed")
    )
    assert mine == beamed and len(mine) == 2
    assert (folder / "inspection/index.html").exists()
    audio, rate = soundfile.read(folder / "mine.wav")
    # Five seconds of notes and the ring of the last one.
    assert 5 < len(audio) / rate < 8 and np.max(np.abs(audio)) > 0.01
