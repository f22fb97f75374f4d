"""Note-onset F1: counted by hand, and against mir_eval's own figure."""

import math

import mir_eval
import numpy as np
import pytest

from mt3synth.evaluation.metrics.note_counts import NoteCounts, count_notes, pooled
from mt3synth.symbolic.notes import Notes


def notes(*rows: tuple[float, int], drums: bool = False) -> Notes:
    """Notes of 0.3 s from (onset, pitch)."""
    start = np.array([row[0] for row in rows], float)
    count = len(rows)
    return Notes(
        start=start,
        end=start + 0.3,
        pitch=np.array([row[1] for row in rows], int),
        velocity=np.full(count, 80),
        program=np.zeros(count),
        is_drum=np.full(count, drums),
    )


def test_counts_by_hand() -> None:
    score = notes((0.0, 60), (0.5, 64), (1.0, 67), (1.5, 72))
    heard = notes(
        (0.04, 60),  # found: 40 ms late
        (0.56, 64),  # 60 ms late
        (1.0, 68),  # a semitone off
        (1.5, 72),  # found
        (2.0, 50),  # nothing there
    )
    counts = count_notes(score, heard)
    assert counts == NoteCounts(matched=2, reference=4, estimated=5)
    assert counts.precision == pytest.approx(2 / 5)
    assert counts.recall == pytest.approx(2 / 4)
    assert counts.f1 == pytest.approx(4 / 9)


def test_one_note_heard_answers_for_one_note_only() -> None:
    assert count_notes(notes((0.0, 60), (0.03, 60)), notes((0.01, 60))).matched == 1
    assert count_notes(notes((0.01, 60)), notes((0.0, 60), (0.03, 60))).matched == 1


def test_lengths_velocities_and_programs_do_not_matter() -> None:
    score = notes((0.0, 60), (1.0, 62))
    heard = score.replace(end=score.start, velocity=np.array([1, 127]), program=np.array([40, 0]))
    assert count_notes(score, heard).f1 == 1.0


def test_drums_are_left_out() -> None:
    score = Notes.concatenate([notes((0.0, 60)), notes((0.0, 38), (0.5, 42), drums=True)])
    assert count_notes(score, notes((0.0, 60))) == NoteCounts(1, 1, 1)


def test_nothing_heard_or_nothing_written() -> None:
    some, none = notes((0.0, 60)), Notes.empty()
    assert count_notes(some, none).f1 == 0.0
    assert count_notes(none, some).f1 == 0.0
    assert math.isnan(count_notes(none, none).f1)
    assert math.isnan(count_notes(some, none).precision)
    assert math.isnan(count_notes(none, some).recall)


def test_agrees_with_mir_eval() -> None:
    rng = np.random.default_rng(0)
    score = notes(*((t, int(p)) for t, p in zip(rng.uniform(0, 8, 80), rng.integers(55, 67, 80))))
    moved = np.maximum(score.start + rng.normal(0, 0.04, 80), 0)
    heard = score.replace(start=moved, end=moved + 0.2).select(rng.random(80) < 0.8)
    precision, recall, f1, _ = mir_eval.transcription.precision_recall_f1_overlap(
        np.stack([score.start, score.end], 1),
        440 * 2 ** ((score.pitch - 69) / 12),
        np.stack([heard.start, heard.end], 1),
        440 * 2 ** ((heard.pitch - 69) / 12),
        offset_ratio=None,
    )
    counts = count_notes(score, heard)
    assert 0.3 < counts.f1 < 0.95  # neither trivial case
    assert (counts.precision, counts.recall, counts.f1) == pytest.approx((precision, recall, f1))


def test_pooled_counts_weigh_excerpts_by_their_notes() -> None:
    long, short = NoteCounts(90, 100, 100), NoteCounts(0, 1, 1)
    assert pooled([long, short]) == NoteCounts(90, 101, 101)
    assert pooled(iter([long, short])).f1 == pytest.approx(180 / 202)
    assert pooled([]) == NoteCounts(0, 0, 0)
