"""The short form: some commands killed, and one on a full disk, beside another, by a bad clock."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent

pytestmark = pytest.mark.slow


def run(script: str, out: Path, *options: str) -> str:
    """Runs a script of this folder, which forks before JAX begins, as this process cannot."""
    command = [sys.executable, str(FOLDER / script), "--out", str(out), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_killed_and_started_again_the_end_is_the_same(tmp_path: Path) -> None:
    run("kill_at_random.py", tmp_path, "--kills", "8", "--jobs", "pairs,export,synthesize")
    chains = json.loads((tmp_path / "results.json").read_text())
    assert sum(len(chain["kills"]) for chain in chains) >= 8
    assert {chain["job"] for chain in chains} == {"pairs", "export", "synthesize"}


def test_what_was_there_stays_whatever_is_wrong_with_the_folder(tmp_path: Path) -> None:
    run("breakages.py", tmp_path, "--jobs", "pairs", "--kinds", "full,read-only,clock,two")
    assert len(json.loads((tmp_path / "breakages.json").read_text())["pairs"]) == 4
