"""Damaged MIDI files never crash or stall the reader."""

import time
from pathlib import Path

import numpy as np
import pytest
from midi_cases import REAL_INPUTS
from scores import GOLDEN_NAMES, GOLDENS

from mt3synth.symbolic import MidiError, read_midi


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """A copy with a few bytes changed, inserted or removed, sometimes cut short."""
    damaged = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        at = int(rng.integers(len(damaged)))
        match rng.integers(5):
            case 0:
                damaged[at] ^= 1 << int(rng.integers(8))
            case 1:
                damaged[at] = int(rng.integers(256))
            case 2:
                damaged[at:at] = rng.bytes(int(rng.integers(1, 9)))
            case 3:
                del damaged[max(at, 1) : at + int(rng.integers(1, 9))]
            case 4 if rng.random() < 0.3:
                del damaged[max(at, 1) :]
    return bytes(damaged) or b"\0"


def read_all_damaged(tmp_path: Path, count: int, seed: int) -> int:
    """How many of ``count`` damaged files could be read all the same."""
    rng = np.random.default_rng(seed)
    originals = [(GOLDENS / f"{name}.mid").read_bytes() for name in GOLDEN_NAMES]
    originals += [path.read_bytes() for path in sorted(REAL_INPUTS.glob("*.mid"))]
    path, readable = tmp_path / "damaged.mid", 0
    for index in range(count):
        path.write_bytes(damaged(originals[index % len(originals)], rng))
        start = time.perf_counter()
        try:
            notes, _ = read_midi(path)
            assert len(notes) and notes.end_time <= 4 * 3600
            assert np.all(notes.end > notes.start)
            readable += 1
        except MidiError as error:
            assert "\n" not in str(error)
        assert time.perf_counter() - start < 5
    return readable


def test_damaged_files(tmp_path):
    assert 0 < read_all_damaged(tmp_path, 60, seed=0) < 60


@pytest.mark.slow
def test_a_thousand_damaged_files(tmp_path):
    assert 0 < read_all_damaged(tmp_path, 1000, seed=1) < 1000
