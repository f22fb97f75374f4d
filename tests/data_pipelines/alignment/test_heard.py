"""Judging a pair by what a transcriber hears: notes, with mistakes such as transcribers make."""

import numpy as np
import pytest

from data_pipelines.alignment.heard import (
    can_be_judged,
    compare_with_heard,
    find_displacement,
)
from mt3synth.symbolic.notes import Notes


def music(seconds: float = 40.0, seed: int = 0) -> Notes:
    """Writes three notes a second, of two octaves."""
    rng = np.random.default_rng(seed)
    start = np.sort(rng.uniform(0, seconds, round(3 * seconds)))
    same = np.ones(len(start), int)
    return Notes(
        start, start + 0.3, rng.integers(55, 79, len(start)), 80 * same, 0 * same, same == 0
    )


def hear(notes: Notes, seed: int = 1) -> Notes:
    """Hears two thirds of the notes, 20 ms off, and half as many that are not there."""
    rng = np.random.default_rng(seed)
    found = notes.select(rng.random(len(notes)) < 0.67)
    found = found.replace(start=found.start + rng.normal(0, 0.02, len(found)))
    made_up = music(notes.end_time, seed).select(np.arange(len(notes) // 2))
    columns = ("start", "end", "pitch", "velocity", "program", "is_drum")
    return Notes(*(np.concatenate([getattr(n, c) for n in (found, made_up)]) for c in columns))


def moved(notes: Notes, first: float, last: float, seconds: float) -> Notes:
    """Moves the notes between two times."""
    start = notes.start + np.where((notes.start >= first) & (notes.start < last), seconds, 0.0)
    return notes.replace(start=start, end=start + 0.3)


def test_notes_that_are_where_they_are_heard_are_right() -> None:
    stretches = compare_with_heard(music(), hear(music()))
    assert len(stretches) == 10 and [s.start for s in stretches[:3]] == [0.0, 4.0, 8.0]
    assert all(s.clear and not s.off and abs(s.offset) < 0.05 for s in stretches)
    assert can_be_judged(stretches) and find_displacement(stretches) is None


@pytest.mark.parametrize("seconds", [-0.74, -0.2, 0.3, 1.2])
def test_a_few_seconds_that_are_off_are_found(seconds: float) -> None:
    """An alignment may be right at the median, and a stretch of it wrong."""
    stretches = compare_with_heard(moved(music(), 16.0, 26.0, seconds), hear(music()))
    off = [s for s in stretches if s.off]
    assert off and all(12.0 <= s.start <= 24.0 for s in off)
    assert {round(s.offset, 1) for s in off} == {round(-seconds, 1)}
    side = "after" if seconds < 0 else "before"
    worst = max(abs(round(1000 * s.offset)) for s in off)
    line = find_displacement(stretches)
    assert line is not None and line.endswith(f"the sound comes {worst} ms {side} the notes")


def test_what_is_not_heard_is_not_judged() -> None:
    for heard in (Notes.empty(), hear(music(seed=7))):
        stretches = compare_with_heard(music(), heard)
        assert not can_be_judged(stretches) and find_displacement(stretches) is None
    assert compare_with_heard(music().select(np.arange(5)), music()) == []
    assert not can_be_judged([])
    drums = music().replace(is_drum=np.ones(len(music()), bool))
    assert compare_with_heard(drums, music()) == []
