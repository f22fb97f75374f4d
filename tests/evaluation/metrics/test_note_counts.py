"""Counts of a transcription against values by hand and against mir_eval's own summaries."""

import mir_eval
import numpy as np
import pytest

from mt3synth.evaluation.metrics.note_counts import (
    Heard,
    NoteCounts,
    count_all,
    count_drums,
    count_frames,
    count_notes_with_instruments,
    count_notes_with_offsets,
)
from mt3synth.symbolic.notes import Notes


def notes(*rows: tuple[float, float, int], program: int = 0, drums: bool = False) -> Notes:
    """Makes notes of start, end and pitch."""
    start, end, pitch = (np.array(column, float) for column in zip(*rows))
    same = np.ones(len(rows), int)
    return Notes(start, end, pitch, 80 * same, program * same, same == drums)


def test_offsets_may_be_off_by_a_fifth_or_50_ms() -> None:
    score = notes((0.0, 2.0, 60), (0.0, 0.1, 64), (3.0, 4.0, 67))
    heard = notes((0.0, 2.35, 60), (0.0, 0.14, 64), (3.0, 4.3, 67))
    assert count_notes_with_offsets(score, heard) == NoteCounts(2, 3, 3)


def test_instruments_have_to_be_named() -> None:
    score = Notes.concatenate([notes((0.0, 1.0, 60)), notes((0.0, 1.0, 60), program=40)])
    same = Notes.concatenate([notes((0.0, 1.0, 60), program=40), notes((0.0, 1.0, 60))])
    assert count_notes_with_instruments(score, same) == NoteCounts(2, 2, 2)
    assert count_notes_with_instruments(score, notes((0.0, 1.0, 60))) == NoteCounts(1, 2, 1)
    other = notes((0.0, 1.0, 60), (0.0, 1.0, 60), program=41)
    assert count_notes_with_instruments(score, other) == NoteCounts(0, 2, 2)


def test_drums_by_key_and_onset() -> None:
    score = notes((0.0, 0.1, 36), (0.5, 0.6, 38), drums=True)
    heard = Notes.concatenate(
        [notes((0.03, 0.2, 36), (0.5, 0.6, 40), drums=True), notes((0.5, 0.6, 38))]
    )
    assert count_drums(score, heard) == NoteCounts(1, 2, 2)


def test_frames_by_hand() -> None:
    score = notes((0.0, 1.0, 60), (0.5, 1.0, 64))  # 50 + 25 frames of 20 ms
    heard = notes((0.2, 1.2, 60), (0.5, 1.0, 65))  # 50 + 25, of which 40 are right
    assert count_frames(score, heard) == NoteCounts(40, 75, 75)
    twice = Notes.concatenate([score, notes((0.0, 1.0, 60), program=40)])
    assert count_frames(twice, heard) == NoteCounts(40, 75, 75)
    assert count_frames(score, Notes.empty()) == NoteCounts(0, 75, 0)
    assert count_frames(Notes.empty(), Notes.empty()) == NoteCounts(0, 0, 0)


def test_frames_and_offsets_agree_with_mir_eval() -> None:
    rng = np.random.default_rng(0)
    score = notes(*[(t, t + rng.uniform(0.1, 0.8), int(rng.integers(50, 70)))
                    for t in np.arange(0, 8, 0.2)])  # fmt: skip
    moved = rng.normal(0, 0.04, len(score)).clip(-score.start)
    heard = score.replace(start=score.start + moved, end=score.end + abs(moved))
    intervals = [np.stack([n.start, n.end], axis=1) for n in (score, heard)]
    hertz = [mir_eval.util.midi_to_hz(n.pitch.astype(float)) for n in (score, heard)]
    precision, recall, f1, _ = mir_eval.transcription.precision_recall_f1_overlap(
        intervals[0], hertz[0], intervals[1], hertz[1]
    )
    counts = count_notes_with_offsets(score, heard)
    assert (counts.precision, counts.recall, counts.f1) == pytest.approx((precision, recall, f1))

    times = (np.arange(int(np.ceil(heard.end.max() / 0.02))) + 0.5) * 0.02
    sounding = [
        [np.unique(440 * 2 ** ((n.pitch[(n.start <= t) & (t < n.end)] - 69) / 12)) for t in times]
        for n in (score, heard)
    ]
    scores = mir_eval.multipitch.evaluate(times, sounding[0], times, sounding[1])
    frames = count_frames(score, heard)
    assert frames.precision == pytest.approx(scores["Precision"], abs=2e-3)
    assert frames.recall == pytest.approx(scores["Recall"], abs=2e-3)


def test_all_scores_of_a_perfect_transcription() -> None:
    score = Notes.concatenate([notes((0.0, 1.0, 60), program=3), notes((0.0, 0.1, 36), drums=True)])
    assert {name: counts.f1 for name, counts in count_all(score, score).items()} == {
        "note": 1, "note + offset": 1, "note + instrument": 1, "frame": 1, "drum onset": 1
    }  # fmt: skip


def test_scores_that_would_say_nothing_are_named() -> None:
    strings = notes((0.0, 1.0, 60), program=40)
    first = Heard.of(strings, notes((0.0, 1.0, 60)))
    assert first.void == {
        "note + instrument": "the transcriber names no instruments",
        "drum onset": "the scores have no drums",
    }
    second = Heard.of(notes((0.0, 0.1, 36), drums=True), strings)
    assert Heard.pooled([first, second]).void == {"drum onset": "the transcriber hears no drums"}
