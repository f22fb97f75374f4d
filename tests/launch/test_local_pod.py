"""launch/local_pod.py: what it starts, what it says of it, and how it ends."""

import os
import signal
import subprocess
import sys
import time

import pytest
from launch_cases import LAUNCH

POD = [sys.executable, str(LAUNCH / "local_pod.py")]
INDEX = "import os, sys, time; index = int(os.environ['MT3SYNTH_PROCESS_INDEX'])\n"


def pod(*options: str, code: str) -> subprocess.CompletedProcess[str]:
    command = [*POD, *options, "--", sys.executable, "-c", INDEX + code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_every_process_knows_its_place_and_its_lines_say_whose_they_are():
    ours = [f"MT3SYNTH_{name}" for name in ("COORDINATOR", "PROCESS_COUNT", "PROCESS_INDEX")]
    code = f"print(*(os.environ[name] for name in {[*ours, 'JAX_NUM_CPU_DEVICES']}))"
    done = pod("--processes", "2", "--devices", "4", "--port", "5150", code=code)
    assert done.returncode == 0
    assert sorted(done.stdout.splitlines()) == [
        "[0] 127.0.0.1:5150 2 0 4",
        "[1] 127.0.0.1:5150 2 1 4",
    ]
    assert done.stderr == ""


def test_the_first_failure_stops_all_and_is_the_exit_status():
    began = time.monotonic()
    done = pod(code="sys.stderr.write('oh\\n'); sys.exit(3) if index else time.sleep(60)")
    assert done.returncode == 3
    assert "[1] oh" in done.stdout.splitlines()
    assert done.stderr == "local_pod: process 1 failed with 3\n"
    assert time.monotonic() - began < 30


def test_a_process_that_does_not_heed_sigterm_is_killed_after_the_grace():
    code = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "time.sleep(0.5); os.abort() if index else time.sleep(60)"
    )
    began = time.monotonic()
    assert pod("--grace", "0.2", code=code).returncode == 128 + signal.SIGABRT
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("status", [0, 143])
def test_sigterm_reaches_all_and_what_they_return_is_returned(status):
    code = (
        "import signal\n"
        f"def end(*_): print('saved', flush=True); sys.exit({status})\n"
        "signal.signal(signal.SIGTERM, end); print('ready', flush=True); time.sleep(60)"
    )
    running = subprocess.Popen(
        [*POD, "--", sys.executable, "-c", INDEX + code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    ready = {running.stdout.readline() for _ in range(2)}
    assert ready == {"[0] ready\n", "[1] ready\n"}
    running.send_signal(signal.SIGTERM)
    said, complaints = running.communicate(timeout=60)
    assert sorted(said.splitlines()) == ["[0] saved", "[1] saved"]
    assert (running.returncode, complaints) == (status, "")


def test_options_alone_are_those_of_train():
    done = subprocess.run(
        [*POD, "--processes", "1", "--", "--help"],
        env={**os.environ, "PYTHONPATH": str(LAUNCH.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.startswith("[0] usage: mt3synth train ")


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        ([], 2, "no command; give it after --"),
        (["--processes", "0", "--", "true"], 2, "--processes 0; must be at least 1"),
        (["--", "./no-such-program"], 127, "./no-such-program: No such file"),
    ],
)
def test_bad_input(options, status, said):
    done = subprocess.run([*POD, *options], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert said in done.stderr
