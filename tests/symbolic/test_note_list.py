"""Lists of notes: which notes a segment lists, and when."""

import numpy as np
import pytest
from scores import make_notes

from mt3synth.symbolic.groups import DEFAULT_GROUPS
from mt3synth.symbolic.note_list import FEWEST_ROWS, RING_S, SongNoteList, pad_rows, round_up
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
