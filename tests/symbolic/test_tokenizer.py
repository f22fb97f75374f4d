"""Event tokens: the ancestor's goldens, tie sections, event times, lengths."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scores import GOLDEN_NAMES, GOLDENS, golden_tokens, make_notes, scores

from mt3synth.symbolic import (
    EOS,
    PAD,
    EventCodec,
    Notes,
    SegmentTokens,
    encode_segment,
    encode_song,
    pad_segment,
    read_midi,
    truncate_segment,
)

RATE = 50.0


@pytest.mark.parametrize("bins", [1, 127])
@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_goldens(name, bins):
    golden = golden_tokens(name)
    notes, _ = read_midi(GOLDENS / f"{name}.mid")
    assert notes.end_time == pytest.approx(golden["total_time"], abs=1e-9)
    golden, codec = golden[f"velocity_bins_{bins}"], EventCodec(bins)
    assert codec.num_classes == golden["codec_num_classes"]
    assert codec.vocab_size == golden["vocab_size"]
    assert codec.num_embeddings == golden["num_embeddings"]
    segments = encode_song(notes, codec, 256, RATE)
    assert [s.tokens.tolist() for s in segments] == golden["tokens_per_segment"]
    for index, segment in enumerate(segments):
        alone = encode_segment(notes, codec, 256 * index, 256, RATE)
        np.testing.assert_array_equal(alone.tokens, segment.tokens)


def test_events_spelled_out():
    notes = make_notes(
        (0.0, 1.0, 60, 100, 40, False),
        (0.0, 6.0, 64, 100, 40, False),
        (0.0, 6.0, 67, 100, 40, False),
        (5.12, 5.5, 60, 100, 40, False),
        (5.5, 6.0, 60, 100, 41, False),
        (5.5, 5.6, 38, 100, 0, True),
    )
    codec = EventCodec(1)
    tokens, times = encode_segment(notes, codec, 256, 256, RATE)
    assert [codec.event(token) for token in tokens[:-1].tolist()] == [
        # both notes under one program, which is still in force after the tie
        ("program", 40), ("pitch", 64), ("pitch", 67), ("tie", 0),
        ("velocity", 1), ("pitch", 60),
        ("shift", 38), ("velocity", 0), ("pitch", 60),
        ("program", 41), ("velocity", 1), ("pitch", 60), ("drum", 38),
        ("shift", 88), ("program", 40), ("velocity", 0), ("pitch", 64), ("pitch", 67),
        ("program", 41), ("pitch", 60),
    ]  # fmt: skip
    assert tokens[-1] == EOS and tokens.dtype == np.int32 and times.dtype == np.float32
    assert times.tolist() == [0.0] * 6 + [19.0] * 7 + [44.0] * 7 + [256.0]


def test_silence_is_a_tie_and_an_end():
    tokens, times = encode_segment(Notes.empty(), EventCodec(1), 0, 256, RATE)
    assert tokens.tolist() == [1134, EOS] and times.tolist() == [0, 256]
    assert len(encode_song(Notes.empty(), EventCodec(1), 256, RATE)) == 1


@settings(max_examples=50, deadline=None)
@given(scores(), st.integers(0, 1500), st.integers(1, 500))
def test_ties_and_events_are_those_of_the_segment(notes, start, frames):
    codec = EventCodec(1)
    tokens, times = encode_segment(notes, codec, start, frames, RATE)
    assert tokens[-1] == EOS and (np.diff(times) >= 0).all() and times[-1] == frames
    events = [codec.event(token) for token in tokens[:-1].tolist()]
    tie = events.index(("tie", 0))

    program, tied = None, []
    for name, value in events[:tie]:
        program = value if name == "program" else program
        if name == "pitch":
            tied.append((program, value))
    first = 2 * start
    on, off = np.rint(notes.start * 100), np.rint(notes.end * 100)
    sounding = notes.select(~notes.is_drum & (on < first) & (off >= first))
    assert tied == sorted(zip(sounding.program.tolist(), sounding.pitch.tolist()))

    last = first + 2 * frames
    inside = np.sum((on >= first) & (on < last))
    inside += np.sum(~notes.is_drum & (off >= first) & (off < last))
    assert sum(name in ("pitch", "drum") for name, _ in events[tie:]) == inside
    for (name, value), time in zip(events, times):
        if name == "shift":
            assert time == value / 2


def test_padding_and_truncation_are_explicit():
    segment = SegmentTokens(np.arange(10, 15, dtype=np.int32), np.arange(5, dtype=np.float32))
    padded = pad_segment(segment, 8)
    assert padded.tokens.tolist() == [10, 11, 12, 13, 14, PAD, PAD, PAD]
    assert padded.times.tolist() == [0, 1, 2, 3, 4, 0, 0, 0]
    with pytest.raises(ValueError, match="5 tokens; at most 4 fit"):
        pad_segment(segment, 4)
    shortened, dropped = truncate_segment(segment, 3)
    assert shortened.tokens.tolist() == [10, 11, 14] and dropped == 2
    assert truncate_segment(segment, 5) == (segment, 0)
    with pytest.raises(ValueError, match="length=0 tokens"):
        truncate_segment(segment, 0)


def test_bad_segments_are_refused():
    with pytest.raises(ValueError, match="frames=0; must be at least 1"):
        encode_song(Notes.empty(), EventCodec(1), 0, RATE)
    with pytest.raises(ValueError, match=r"segment of 10.02 s; shift tokens reach 10 s"):
        encode_segment(Notes.empty(), EventCodec(1), 0, 501, RATE)
    with pytest.raises(ValueError, match=r"frame_rate=0.0; must be positive"):
        encode_segment(Notes.empty(), EventCodec(1), 0, 256, 0.0)
    with pytest.raises(ValueError, match=r"frame_rate=0.0; must be positive"):
        encode_song(Notes.empty(), EventCodec(1), 256, 0.0)
