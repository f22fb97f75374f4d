"""Pitch shift and context of segments, as either reader cuts them and features are made of them."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from seqio_cases import task_segments
from sine_cases import SECONDS, make_song, write_corpus

from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.segment_reader import SegmentReader
from data_pipelines.reading.segments import Segment, training_shifts
from data_pipelines.reading.song_lists import list_songs
from data_pipelines.seqio_pipeline.tasks import register_tasks
from mt3synth.audio.mel import MELGAN, log_mel, to_network
from mt3synth.audio.pitch_shift import shifted_log_mel
from mt3synth.errors import UserError
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.roll import RollSpec, piano_roll
from mt3synth.symbolic.tokenizer import encode_segment

FRAMES, CONTEXT = 64, 96
ROLL, CODEC = RollSpec(), EventCodec(velocity_bins=127)
FEATURES = SegmentFeatures(
    MELGAN,
    ("mel", "roll", "tokens", "context"),
    FRAMES,
    roll=ROLL,
    codec=CODEC,
    token_length=200,
    context_frames=CONTEXT,
)
SONGS = {name: make_song(name) for name in SECONDS}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("segments"), SONGS)


@pytest.fixture(scope="module", params=["seqio", "our own"])
def read(request: pytest.FixtureRequest, corpus: Path):
    """Reads segments of the train split: of ``kind`` train, shuffled, or eval, in order."""

    def by_seqio(kind: str, count: int, **options) -> list[Segment]:
        register_tasks("cuts", corpus, MELGAN, FRAMES, ("train", "validation"), **options)
        if kind == "eval":
            return task_segments("cuts_eval", "train")[:count]
        return task_segments("cuts_train", "train", shuffle=True, seed=5, count=count)

    def by_us(kind: str, count: int, pitch_shift: int = 0, context_frames: int = 0):
        features = replace(FEATURES, names=("mel",), context_frames=context_frames)
        reader = SegmentReader(list_songs(corpus, "train"), features, pitch_shift, seed=(5,))
        if kind == "eval":
            return list(islice(reader.evaluation(), count))
        return [reader.training(i) for i in range(count)]

    return by_seqio if request.param == "seqio" else by_us


def around(name: str, shift: int, start: int, frames: int) -> np.ndarray:
    """Frames of a song in silence, which begins three seconds before it."""
    silence = np.zeros(3 * 16000)
    audio = np.concatenate([silence, SONGS[name].audio / 32768, silence]).astype(np.float32)
    found = shifted_log_mel(audio, MELGAN, shift, 3 * 16000 + 320 * start, frames)
    return to_network(found, MELGAN)


def test_audio_and_notes_are_shifted_together(read):
    segments = read("train", 60, pitch_shift=2, context_frames=CONTEXT)
    assert {segment.shift for segment in segments} == {-2, -1, 0, 1, 2}
    for segment in segments:
        batch = FEATURES.batch([segment])
        shift, start = segment.shift, segment.start_frame
        notes = SONGS[segment.id].notes.transposed(shift)
        expected = around(segment.id, shift, start, FRAMES)
        np.testing.assert_allclose(batch["mel"][0], expected, rtol=0, atol=1e-5)
        np.testing.assert_array_equal(batch["roll"][0], piano_roll(notes, ROLL, start, FRAMES))
        tokens = encode_segment(notes, CODEC, start, FRAMES, 50.0).tokens
        np.testing.assert_array_equal(batch["tokens"][0, : len(tokens)], tokens)
        before = around(segment.id, shift, start - CONTEXT, CONTEXT)
        np.testing.assert_allclose(batch["context"][0], before, rtol=0, atol=1e-5)


def test_context_is_what_was_heard_before(read):
    segments = read("eval", 9, context_frames=CONTEXT)
    song = SONGS["a"]
    mel = to_network(log_mel(song.audio.astype(np.float32) / 32768, MELGAN), MELGAN)
    of_a = [segment for segment in segments if segment.id == "a"]
    assert [segment.start_frame for segment in of_a] == [0, 64, 128, 192, 256]
    for segment in of_a:
        batch = FEATURES.batch([segment])
        context, mask = batch["context"][0], batch["context_mask"][0]
        assert context.shape == (CONTEXT, 128) and mask.shape == (CONTEXT,)
        known = min(CONTEXT, segment.start_frame)
        assert mask.dtype == bool and mask.tolist() == [False] * (CONTEXT - known) + [True] * known
        heard = mel[segment.start_frame - known : segment.start_frame]
        np.testing.assert_allclose(context[mask], heard, rtol=0, atol=1e-5)
        # The window of the last frame before the song reaches into it.
        assert np.all(context[~mask][:-1] == -1)


def test_evaluation_shifts_nothing(read):
    assert {segment.shift for segment in read("eval", 20, pitch_shift=2)} == {0}


def test_without_a_shift_nothing_changes(read):
    """Cuts and order are those of a task that does not shift, and so are unshifted features."""
    plain = read("train", 40)
    drawn = read("train", 40, pitch_shift=2)
    features = SegmentFeatures(MELGAN, ("mel",), FRAMES)
    assert {segment.shift for segment in plain} == {0}
    for one, other in zip(plain, drawn):
        assert (one.id, one.start_frame) == (other.id, other.start_frame)
        same = np.array_equal(features.batch([one])["mel"], features.batch([other])["mel"])
        assert same == (other.shift == 0)


def test_shifts_are_drawn_evenly():
    counts = np.bincount(training_shifts(50000, 2, draw=7) + 2)
    np.testing.assert_allclose(counts, 10000, rtol=0.05)
    assert not training_shifts(100, 0, draw=7).any()


def test_drums_keep_their_key(read):
    segment = read("train", 60, pitch_shift=2)[0]
    table = np.array([[0.0, 9.0, 60, 80, 0, 0], [0.0, 9.0, 36, 80, 0, 1]])
    struck = type(segment)(**{**vars(segment), "notes": table, "shift": 2, "start_frame": 0})
    tokens = SegmentFeatures(MELGAN, ("tokens",), FRAMES, codec=CODEC).batch([struck])["tokens"]
    classes = CODEC.classes
    assert classes["pitch"].start + 62 in tokens and classes["drum"].start + 36 in tokens


def test_a_list_takes_any_number_of_notes_unless_its_length_is_fixed(read):
    segment = read("train", 1)[0]
    onsets = np.linspace(0.0, 1.2, 1500)
    columns = [onsets, onsets + 0.1, *np.tile([[60, 80, 0, 0]], (1500, 1)).T]
    dense = type(segment)(
        **{**vars(segment), "notes": np.stack(columns, axis=1), "shift": 0, "start_frame": 0}
    )
    free = SegmentFeatures(MELGAN, ("notes",), FRAMES, roll=ROLL, note_rows=None)
    notes = free.batch([dense])["notes"]
    assert notes.shape == (1, 2048, 5) and np.count_nonzero(notes[0, :, 4] >= 0) == 1500
    with pytest.raises(UserError, match=r"1500 notes .* note_rows=1024: raise it to at least 1500"):
        SegmentFeatures(MELGAN, ("notes",), FRAMES, roll=ROLL).batch([dense])


@pytest.mark.parametrize(
    "options, message",
    [
        ({"pitch_shift": -1}, "pitch_shift=-1 semitones; must be in 0..12"),
        ({"pitch_shift": 13}, "pitch_shift=13 semitones"),
        ({"context_frames": -1}, "context_frames=-1; must be at least 0"),
        ({"segment_frames": 0}, "segment_frames=0; must be at least 1"),
    ],
)
def test_numbers_out_of_range_are_refused(corpus, options, message):
    with pytest.raises(ValueError, match=message):
        register_tasks("cuts", corpus, MELGAN, **options)


def test_features_and_cuts_must_agree(read):
    with pytest.raises(ValueError, match=r"context_frames=0; .* at least 1 for feature 'context'"):
        SegmentFeatures(MELGAN, ("mel", "context"))
    segment = read("train", 1, context_frames=32)[0]
    # As many samples in all, but another part of them is context.
    features = SegmentFeatures(MELGAN, ("mel",), FRAMES + 32)
    with pytest.raises(ValueError, match="32 frames of context among them; 96 frames with 0"):
        features.batch([segment])
