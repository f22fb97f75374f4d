"""The readers of MIDI that go with an exported model, against our own."""

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mt3synth.symbolic.midi import read_midi

ROOT = Path(__file__).parents[2]
FILES = ROOT / "mt3synth/portable"
SONGS = sorted([*(ROOT / "tests/goldens").glob("*.mid"), *(ROOT / "docs/examples").glob("*.mid")])


def ours(path: Path) -> np.ndarray:
    notes, _ = read_midi(path)
    columns = (notes.start, notes.end, notes.pitch, notes.velocity, notes.program, notes.is_drum)
    return in_order(np.stack([np.asarray(column, float) for column in columns], axis=1))


def in_order(rows: object) -> np.ndarray:
    rows = np.asarray(rows, float)
    return rows[np.lexsort(np.round(rows, 6).T[::-1])]


@pytest.mark.parametrize("path", SONGS, ids=lambda path: path.stem)
def test_the_script_reads_what_we_read(path):
    spec = importlib.util.spec_from_file_location("portable_midi", FILES / "midi.py")
    midi = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(midi)
    np.testing.assert_allclose(in_order(midi.read_midi(path.read_bytes())), ours(path), atol=1e-6)


def test_the_page_reads_what_we_read():
    if shutil.which("node") is None:
        pytest.skip("no node to run JavaScript with")
    code = (
        "const {readMidi} = require(process.argv[1]); const fs = require('fs');"
        "console.log(JSON.stringify(process.argv.slice(2).map("
        "path => readMidi(new Uint8Array(fs.readFileSync(path))))))"
    )
    command = ["node", "-e", code, str(FILES / "midi.js"), *map(str, SONGS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for path, rows in zip(SONGS, json.loads(done.stdout), strict=True):
        np.testing.assert_allclose(in_order(rows), ours(path), atol=1e-6, err_msg=path.name)


def test_the_page_reads_by_at_most_300_lines_of_javascript():
    # What of `symbolic` it needs; the rest of its lines are of the sampler, and of the page.
    reading = [FILES / "midi.js", FILES / "windows.js"]
    assert sum(len(path.read_text().splitlines()) for path in reading) <= 300
