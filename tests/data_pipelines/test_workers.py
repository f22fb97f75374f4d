"""Worker processes: in order, on one thread, and gone with the program that started them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_pipelines.workers import worker_pool

ROOT = Path(__file__).resolve().parents[2]


def test_workers_compute_on_one_thread_and_the_program_keeps_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    with worker_pool(1) as pool:
        assert pool.submit(os.getenv, "OPENBLAS_NUM_THREADS").result() == "1"
        assert pool.submit(os.getpid).result() != os.getpid()
    assert "OPENBLAS_NUM_THREADS" not in os.environ


_PROGRAM = """
import os, time
from data_pipelines.workers import worker_pool
if __name__ == "__main__":
    with worker_pool(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 60).result()
"""


def test_workers_end_with_a_killed_program(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(_PROGRAM)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, str(script)], env=environment, stdout=subprocess.PIPE, text=True
    ) as program:
        worker = int(program.stdout.readline())
        program.send_signal(signal.SIGKILL)
    for _ in range(500):
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    pytest.fail("the worker is still there 10 s later")
