"""A data set of sine songs, whose every feature is known, through SeqIO and out as batches."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from seqio_cases import batched, joined, task_segments
from sine_cases import SECONDS, make_song, write_corpus

from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.segments import Segment
from data_pipelines.seqio_pipeline import tasks
from data_pipelines.songs import Song
from mt3synth.audio.mel import MELGAN, log_mel, to_network
from mt3synth.errors import UserError
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.detokenizer import decode
from mt3synth.symbolic.roll import RollSpec, piano_roll
from mt3synth.symbolic.tokenizer import encode_segment

FRAMES = 64
ROLL = RollSpec()
CODEC = EventCodec(velocity_bins=127)
EVERYTHING = SegmentFeatures(
    MELGAN, ("mel", "roll", "tokens"), FRAMES, roll=ROLL, codec=CODEC, token_length=200
)
MEL_ONLY = SegmentFeatures(MELGAN, ("mel",), FRAMES)


@pytest.fixture(scope="module")
def songs() -> dict[str, Song]:
    return {name: make_song(name) for name in SECONDS}


@pytest.fixture(scope="module")
def corpus(songs, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("corpus") / "Übung [2] *"  # no pattern, but a name
    folder.mkdir()
    write_corpus(folder, songs)
    tasks.register_tasks("sines", folder, MELGAN, FRAMES, splits=("train", "validation"))
    return folder


def one_pass(seed: int = 3, **more) -> list[Segment]:
    return task_segments("sines_train", "train", shuffle=True, seed=seed, **more)


def song_mel(song: Song) -> np.ndarray:
    return to_network(log_mel(song.audio.astype(np.float32) / 32768, MELGAN), MELGAN)


def find_crop(mel: np.ndarray, song: np.ndarray) -> int:
    """Finds the only frame of the padded song at which ``mel`` lies."""
    padded = np.concatenate([song, np.full((FRAMES, song.shape[1]), -1, np.float32)])
    fits = [
        i for i in range(len(song)) if np.allclose(padded[i : i + FRAMES], mel, rtol=0, atol=1e-5)
    ]
    assert len(fits) == 1
    return fits[0]


def test_training_features_are_those_of_the_song_at_the_crop(corpus, songs):
    notes_of = {song.performance: song.notes for song in songs.values()}
    mels = {song.performance: song_mel(song) for song in songs.values()}
    for batch in batched(
        task_segments("sines_train", "train", shuffle=True, seed=3, count=20), EVERYTHING, 4
    ):
        assert batch["mel"].shape == (4, FRAMES, 128) and batch["mel"].dtype == np.float32
        assert batch["roll"].shape == (4, FRAMES, ROLL.channels)
        assert batch["tokens"].shape == batch["token_times"].shape == (4, 200)
        for row in range(4):
            index = int(batch["performance"][row])
            notes = notes_of[index]
            start = find_crop(batch["mel"][row], mels[index])
            expected = piano_roll(notes, ROLL, start, FRAMES)
            np.testing.assert_array_equal(batch["roll"][row], expected)
            encoded = encode_segment(notes, CODEC, start, FRAMES, 50.0)
            count = len(encoded.tokens)
            np.testing.assert_array_equal(batch["tokens"][row, :count], encoded.tokens)
            np.testing.assert_array_equal(batch["token_times"][row, :count], encoded.times)
            assert not batch["tokens"][row, count:].any()


def test_evaluation_covers_every_song_once_in_order(corpus, songs):
    features = SegmentFeatures(MELGAN, ("mel", "tokens"), FRAMES, codec=CODEC, token_length=200)
    found = list(batched(task_segments("sines_eval", "validation"), features, 5))
    # d has 220 frames, a 300: 4 + 5 segments of 64.
    assert [len(batch["performance"]) for batch in found] == [5, 4]
    whole = joined(found)
    assert whole["performance"].tolist() == [3] * 4 + [0] * 5
    for name, rows in (("d", slice(0, 4)), ("a", slice(4, 9))):
        notes, mel = songs[name].notes, song_mel(songs[name])
        heard = np.concatenate(list(whole["mel"][rows]))
        np.testing.assert_allclose(heard[: len(mel)], mel, rtol=0, atol=1e-5)
        assert np.all(heard[len(mel) :] == -1)
        decoded, ignored = decode(list(whole["tokens"][rows]), CODEC, FRAMES, 50.0)
        assert ignored == 0
        np.testing.assert_array_equal(decoded.pitch, notes.pitch)
        np.testing.assert_array_equal(decoded.program, notes.program)
        np.testing.assert_array_equal(decoded.velocity, notes.velocity)
        np.testing.assert_allclose(decoded.start, notes.start, atol=0.0051)
        np.testing.assert_allclose(decoded.end, notes.end, atol=0.0051)


def test_a_pass_holds_every_song_and_offsets_change_from_pass_to_pass(corpus):
    passes = [one_pass(seed) for seed in range(4)]
    for one in passes:
        assert Counter(s.performance for s in one) == {0: 4, 1: 7, 2: 1, 3: 3}
    openings = {min(s.start_frame for s in one if s.performance == 1) for one in passes}
    assert len(openings) == len(passes)


def test_order_is_the_seeds_alone(corpus):
    once, again, other = (MEL_ONLY.batch(one_pass(seed))["mel"] for seed in (3, 3, 4))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


def test_processes_read_different_songs(corpus):
    import seqio

    shards = [seqio.ShardInfo(index=index, num_shards=2) for index in (0, 1)]
    heard = [{s.performance for s in one_pass(shard_info=shard)} for shard in shards]
    assert heard == [{0, 1}, {2, 3}]


def test_the_task_serves_seqio_itself(corpus):
    import seqio

    dataset = seqio.get_mixture_or_task("sines_eval").get_dataset(split="train", shuffle=False)
    example = next(dataset.as_numpy_iterator())
    assert example["audio"].shape == (63 * 320 + 3 * 640,)
    assert example["notes"].shape[1] == 6
    assert set(example) >= set(seqio.TaskRegistry.get("sines_eval").output_features)


def test_what_is_missing_is_named(corpus, tmp_path):
    with pytest.raises(UserError, match="no such corpus folder"):
        tasks.register_tasks("lost", tmp_path / "nowhere", MELGAN)
    with pytest.raises(UserError, match=r"no test-\*-of-\*.tfrecord .*train, validation"):
        tasks.register_tasks("lost", corpus, MELGAN, splits=("test",))
    with pytest.raises(UserError, match="'unheard_of_train' is not registered"):
        tasks.get_task("unheard_of_train")


def test_what_does_not_fit_is_refused(corpus):
    narrow = SegmentFeatures(MELGAN, ("tokens",), FRAMES, codec=CODEC, token_length=5)
    with pytest.raises(UserError, match="token_length=5"):
        narrow.batch(one_pass())
    longer = SegmentFeatures(MELGAN, ("mel",), FRAMES + 1)
    with pytest.raises(ValueError, match="same mel spec"):
        longer.batch(one_pass())
