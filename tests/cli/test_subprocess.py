"""Checks what only shows in a process of its own: modules loaded, memory, and Ctrl-C."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli_cases import write_song

ROOT = Path(__file__).parents[2]
MAX_BYTES = 2 * 10**9
RENDERING_NEEDS_NONE_OF = ("tensorflow", "seqio", "orbax.checkpoint", "mt3synth.training")

RENDER = f"""
import re, sys
from mt3synth.cli import main
status = main(sys.argv[1:])
loaded = [name for name in {RENDERING_NEEDS_NONE_OF!r} if name in sys.modules]
# Not getrusage, whose peak begins with that of the process that this one was forked from.
kilobytes = int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
print(status, loaded, kilobytes * 1024 < {MAX_BYTES})
"""


@pytest.fixture
def start(bundle_folder):
    """Starts ``mt3synth synthesize`` as this code runs it."""

    def call(code: str, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code, "synthesize", "--bundle", str(bundle_folder), *options],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return call


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_rendering_loads_nothing_of_training_and_stays_under_2_gb(start):
    write_song("song.mid", 60)
    process = start(RENDER, "song.mid", "--steps", "2")
    out, err = process.communicate(timeout=120)
    assert out == "0 [] True\n", err


def test_ctrl_c_is_one_line_and_leaves_nothing_behind(start, here):
    write_song("song.mid", 60, 125)  # the second note is reported just before rendering begins
    # Tests run in the background of a shell inherit that SIGINT is ignored.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from mt3synth.cli import main; sys.exit(main())"
    )
    with start(code, "song.mid", "--steps", "100000", "--save-mel", "song.npy") as process:
        assert process.stderr.readline().startswith("song.mid: pitches outside")
        process.send_signal(signal.SIGINT)
        try:
            _, err = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 2
    assert err == "mt3synth synthesize: interrupted\n"
    assert [p.name for p in here.iterdir()] == ["song.mid"]
