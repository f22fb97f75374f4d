"""Tokens back to notes: exact on the grid, and never at a loss."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scores import GOLDEN_NAMES, GOLDENS, make_notes, rows_of, scores

from mt3synth.symbolic import EventCodec, decode, encode_song, read_midi, write_midi

RATE = 50.0
CODEC = EventCodec(127)


@settings(max_examples=40, deadline=None)
@given(scores(), st.sampled_from([20, 93, 256, 500]))
def test_notes_on_the_grid_come_back_whatever_the_segments(notes, frames):
    segments = [s.tokens for s in encode_song(notes, CODEC, frames, RATE)]
    decoded, ignored = decode(segments, CODEC, frames, RATE)
    assert rows_of(decoded) == rows_of(notes)
    assert ignored == 0


@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_midi_to_tokens_to_midi(name, tmp_path):
    """Onsets within half a step; offsets too, but for notes that share a key while sounding."""
    notes, _ = read_midi(GOLDENS / f"{name}.mid")
    segments = [s.tokens for s in encode_song(notes, CODEC, 256, RATE)]
    write_midi(decode(segments, CODEC, 256, RATE)[0], tmp_path / "again.mid")
    again, reports = read_midi(tmp_path / "again.mid")
    assert reports == [] and len(again) == len(notes)

    key = notes.is_drum * 2**14 + notes.program * 128 + notes.pitch
    meets = (key[:, None] == key) & (notes.start[:, None] < notes.end + 0.01)
    meets &= notes.end[:, None] + 0.01 > notes.start
    alone = (meets.sum(axis=1) == 1) & ~notes.is_drum
    assert alone.sum() > 0.5 * np.sum(~notes.is_drum)
    key_again = again.is_drum * 2**14 + again.program * 128 + again.pitch
    for row in range(len(notes)):
        near = (key_again == key[row]) & (abs(again.start - notes.start[row]) <= 0.00501)
        near &= again.velocity == notes.velocity[row]
        assert near.any()
        if alone[row]:
            assert (abs(again.end[near] - notes.end[row]) <= 0.00501).any()


def test_overlap_on_one_key_is_cut_at_the_second_onset():
    notes = make_notes((0, 2, 60, 64, 0, False), (1, 3, 60, 96, 0, False))
    segments = [s.tokens for s in encode_song(notes, CODEC, 256, RATE)]
    decoded, ignored = decode(segments, CODEC, 256, RATE)
    assert rows_of(decoded) == [(0, 1000, 60, 64, 0, False), (1000, 2000, 60, 96, 0, False)]
    assert ignored == 1  # the second offset ends nothing


def test_note_of_no_length_gets_one_step():
    notes = make_notes((0.5, 0.5, 60, 64, 0, False), (0.7, 0.701, 60, 64, 0, False))
    segments = [s.tokens for s in encode_song(notes, CODEC, 256, RATE)]
    decoded, ignored = decode(segments, CODEC, 256, RATE)
    assert rows_of(decoded) == [(500, 510, 60, 64, 0, False), (700, 710, 60, 64, 0, False)]
    assert ignored == 0


def test_a_note_not_tied_ends_where_the_segment_starts():
    on = [CODEC.token("tie", 0), CODEC.token("program", 0), CODEC.token("velocity", 9)]
    on += [CODEC.token("pitch", 60), CODEC.token("pitch", 62)]
    tie = [CODEC.token("program", 0), CODEC.token("pitch", 62), CODEC.token("tie", 0)]
    decoded, ignored = decode([on, tie], CODEC, 256, RATE)
    assert rows_of(decoded) == [(0, 5120, 60, 9, 0, False), (0, 10240, 62, 9, 0, False)]
    assert ignored == 0


any_token = st.one_of(st.integers(0, 1700), st.integers(-(2**40), 2**40))
sensible = st.sampled_from(["shift", "pitch", "velocity", "tie", "program", "drum"]).flatmap(
    lambda name: st.integers(0, len(CODEC.classes[name]) - 1).map(
        lambda value: CODEC.token(name, value)
    )
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.one_of(any_token, sensible), max_size=40), max_size=4))
def test_any_integers_decode_to_notes_within_the_song(segments):
    decoded, ignored = decode(segments, CODEC, 256, RATE)
    assert decoded.end_time <= 5.12 * len(segments)
    assert 0 <= ignored <= sum(len(segment) for segment in segments)


def test_meaningless_tokens_are_counted():
    pitch, drum = CODEC.token("pitch", 60), CODEC.token("drum", 36)
    late, back = CODEC.token("shift", 600), CODEC.token("shift", 5)
    ahead, tie = CODEC.token("shift", 10), CODEC.token("tie", 0)
    decoded, ignored = decode([[tie, pitch, drum, late, ahead, back, tie, 0]], CODEC, 256, RATE)
    assert len(decoded) == 0 and ignored == 6  # all but the first tie and one shift
