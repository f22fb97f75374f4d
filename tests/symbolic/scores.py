"""Scores for the tests of this folder: goldens, and made-up ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mt3synth.symbolic import Notes

GOLDENS = Path(__file__).parents[1] / "goldens"
GOLDEN_NAMES = ("chorale_strings", "piano_bass_drums_pedal")


def golden_tokens(name: str) -> dict[str, Any]:
    return json.loads((GOLDENS / f"{name}.tokens.json").read_text())


def make_notes(*rows: tuple[float, float, int, int, int, bool]) -> Notes:
    """Makes notes of rows of (start, end, pitch, velocity, program, is_drum)."""
    return Notes(*(np.array(column) for column in zip(*rows))).sorted()


def rows_of(notes: Notes) -> list[tuple[float, float, int, int, int, bool]]:
    """Sorts the columns as rows, times in whole milliseconds."""
    return sorted(
        zip(
            np.rint(notes.start * 1000).tolist(),
            np.rint(notes.end * 1000).tolist(),
            notes.pitch.tolist(),
            notes.velocity.tolist(),
            notes.program.tolist(),
            notes.is_drum.tolist(),
        )
    )


@st.composite
def scores(draw: st.DrawFn, max_keys: int = 6, drums: bool = True) -> Notes:
    """Notes on the 10 ms grid that never overlap on one key of one program.

    Drum notes last one step, the only length tokens can give them.
    """
    rows = []
    programs = st.sampled_from([0, 1, 24, 40, 43, 80])
    for program, pitch in draw(
        st.sets(st.tuples(programs, st.integers(0, 127)), max_size=max_keys)
    ):
        step = 0
        for gap, length, velocity in draw(
            st.lists(
                st.tuples(st.integers(0, 400), st.integers(1, 900), st.integers(1, 127)),
                max_size=4,
            )
        ):
            start = step + gap
            step = start + length
            rows.append((start / 100, step / 100, pitch, velocity, program, False))
    if drums:
        hits = st.tuples(st.integers(0, 2000), st.integers(0, 127))
        for step, pitch in draw(st.sets(hits, max_size=5)):
            velocity = draw(st.integers(1, 127))
            rows.append((step / 100, (step + 1) / 100, pitch, velocity, 0, True))
    return make_notes(*rows) if rows else Notes.empty()
