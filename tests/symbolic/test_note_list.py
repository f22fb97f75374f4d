"""Lists of notes: which notes a segment lists, and when."""

import numpy as np
import pytest
from scores import make_notes

from mt3synth.symbolic.groups import DEFAULT_GROUPS
from mt3synth.symbolic.note_curves import NoteCurves
from mt3synth.symbolic.note_list import (
    CURVE_COLUMNS,
    FEWEST_ROWS,
    RING_S,
    SongNoteList,
    pad_rows,
    round_up,
)
from mt3synth.symbolic.notes import Notes

VIOLIN = [group.name for group in DEFAULT_GROUPS].index("violin")
DRUMS = len(DEFAULT_GROUPS)


def rows_of(*notes, start=0, frames=256):
    played = make_notes(*notes) if notes else Notes.empty()
    return SongNoteList(played, DEFAULT_GROUPS, 50.0).segment(start, frames)


def test_a_row_says_when_what_how_loud_and_who_between_the_frames():
    rows = rows_of((1.013, 2.5, 69, 127, 40, False))
    np.testing.assert_allclose(rows, [[50.65, 125, 69, 1, VIOLIN]], rtol=1e-6)
    assert rows.dtype == np.float32


def test_times_count_from_the_segment():
    rows = rows_of((1.0, 2.0, 69, 64, 40, False), start=60)
    np.testing.assert_allclose(rows[0, :2], [-10, 40])


def test_drums_are_an_instrument_and_end_by_themselves():
    rows = rows_of((0.0, 9.0, 38, 64, 0, True))
    assert rows[0, 4] == DRUMS
    np.testing.assert_allclose(rows[0, 1], 0.15 * 50)


def test_every_key_and_any_number_of_notes_is_listed():
    notes = [(0.0, 1.0, key, 64, program, False) for key in (0, 127) for program in range(128)]
    rows = rows_of(*notes)
    assert len(rows) == 256
    assert pad_rows([rows]).shape == (1, 256, 5)


def test_what_rings_into_a_segment_or_begins_in_its_last_window_is_listed():
    ends = 1.0
    inside = round((ends + RING_S) * 50) - 1
    assert len(rows_of((0.0, ends, 60, 64, 0, False), start=inside)) == 1
    assert len(rows_of((0.0, ends, 60, 64, 0, False), start=inside + 2)) == 0
    assert len(rows_of((256.5 / 50, 9.0, 60, 64, 0, False))) == 1
    assert len(rows_of((257.5 / 50, 9.0, 60, 64, 0, False))) == 0


def test_padding_is_nobody_and_loses_no_note():
    one, other = rows_of((0.0, 1.0, 60, 64, 0, False)), rows_of()
    padded = pad_rows([one, other])
    assert padded.shape == (2, FEWEST_ROWS, 5)
    np.testing.assert_array_equal(padded[0, :1], one)
    assert (padded[0, 1:, 4] == -1).all() and (padded[1, :, 4] == -1).all()


@pytest.mark.parametrize(
    ("rows", "length"), [(0, 32), (1, 32), (32, 32), (33, 64), (100, 128), (512, 512), (513, 1024)]
)
def test_lists_have_few_lengths(rows, length):
    assert round_up(rows) == length


@pytest.mark.parametrize("velocity", [1, 127])
def test_velocity_is_a_share_of_the_loudest(velocity):
    assert rows_of((0.0, 1.0, 60, velocity, 0, False))[0, 3] == pytest.approx(velocity / 127)


def bent_rows(start=0, frames=256):
    """A note that slides for a second from its onset on, and one that stays, on one key."""
    played = make_notes((1.0, 3.0, 69, 64, 40, False), (1.5, 2.5, 60, 90, 40, False))
    knots = [np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.25, 0.5]), np.array([1.0, 0.5, 0.1])]
    curves = NoteCurves.of([tuple(knots), (np.zeros(1), np.array([-0.3]), np.array([0.7]))])
    listed = SongNoteList(played.with_curves(curves), DEFAULT_GROUPS, 50.0, curves=True)
    return listed.segment(start, frames)


def test_a_knot_has_a_row_with_its_hat():
    rows = bent_rows()
    assert rows.shape == (4, len(CURVE_COLUMNS))
    hats = [CURVE_COLUMNS.index(name) for name in ("from", "peak", "to")]
    np.testing.assert_allclose(
        rows[:, hats], [[50, 50, 75], [50, 75, 100], [75, 100, 100], [75, 75, 75]]
    )
    np.testing.assert_allclose(rows[:, -2], [0, 0.25, 0.5, -0.3], rtol=1e-6)
    np.testing.assert_allclose(rows[:, -1], [1, 0.5, 0.1, 0.7], rtol=1e-6)
    np.testing.assert_allclose(rows[:3, :5], np.tile(rows[0, :5], (3, 1)))


def test_knots_that_are_over_are_not_listed_and_what_stays_is():
    rows = bent_rows(start=120, frames=20)
    np.testing.assert_allclose(rows[:, -2], [0.5, -0.3], rtol=1e-6)
    np.testing.assert_allclose(rows[0, 5:8], [-45, -20, -20])


def test_without_curves_a_bent_note_is_a_note():
    bent = make_notes((1.0, 3.0, 69, 64, 40, False)).with_curves(NoteCurves.none(1))
    plain = SongNoteList(bent, DEFAULT_GROUPS, 50.0).segment(0, 256)
    assert plain.shape == (1, 5)
    padded = pad_rows([bent_rows(), bent_rows()])
    assert padded.shape == (2, FEWEST_ROWS, 10)
    np.testing.assert_array_equal(padded[0, 3, :5], bent_rows()[3, :5])
