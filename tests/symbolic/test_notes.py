"""Notes: columns, crops, transposition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scores import make_notes, rows_of, scores

from mt3synth.symbolic import Notes


def test_bad_columns_are_refused():
    good = make_notes((0, 1, 60, 64, 0, False))
    for change, message in [
        ({"pitch": [128]}, "pitch outside 0..127"),
        ({"velocity": [0]}, "velocity outside 1..127"),
        ({"start": [-1.0]}, "starts at -1.0 s"),
        ({"start": [np.nan]}, "no finite time"),
        ({"end": [np.inf]}, "no finite time"),
        ({"start": [2.0]}, "ends before it starts"),
        ({"pitch": [1, 2]}, "differ in shape"),
    ]:
        with pytest.raises(ValueError, match=message):
            good.replace(**{name: np.array(value) for name, value in change.items()})


@settings(max_examples=30, deadline=None)
@given(scores(), st.integers(0, 1000))
def test_two_crops_hold_the_whole(notes, step):
    cut = step / 100
    before, after = notes.cropped(0.0, cut), notes.cropped(cut, 1e6).shifted(cut)
    split = np.sum((notes.start < cut) & (notes.end > cut))
    assert len(before) + len(after) == len(notes) + split
    total = np.sum(notes.end - notes.start)
    parts = np.sum(before.end - before.start) + np.sum(after.end - after.start)
    assert parts == pytest.approx(total, abs=1e-6)


def test_transposition_moves_pitched_notes_only():
    notes = make_notes((0, 1, 60, 64, 0, False), (0, 1, 127, 64, 0, False), (0, 1, 36, 64, 0, True))
    assert sorted(row[2] for row in rows_of(notes.transposed(2))) == [36, 62]


def test_folding_moves_by_the_fewest_octaves():
    keys = np.arange(128)
    zeros = np.zeros(128)
    for drum in (False, True):
        notes = Notes(zeros, zeros + 1, keys, zeros + 80, zeros, np.full(128, drum))
        folded = notes.folded(21, 108)
        if drum:
            np.testing.assert_array_equal(folded.pitch, keys)
            continue
        assert folded.pitch.min() == 21 and folded.pitch.max() == 108
        moved = folded.pitch - keys
        assert (moved % 12 == 0).all()
        # A note that was moved is within an octave of the end that it came from.
        inside = (keys >= 21) & (keys <= 108)
        assert (moved[inside] == 0).all()
        assert (folded.pitch[keys < 21] < 21 + 12).all()
        assert (folded.pitch[keys > 108] > 108 - 12).all()
    with pytest.raises(ValueError, match="must be at least an octave"):
        notes.folded(60, 70)


def test_concatenation_of_nothing_is_empty():
    assert len(Notes.concatenate([])) == 0 and Notes.empty().end_time == 0
