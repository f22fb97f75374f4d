"""A corpus of sine songs, whose every feature is known, through SeqIO and out as batches."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from sine_cases import SECONDS, make_song, write_corpus

from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.seqio_pipeline import batches, tasks
from data_pipelines.shards.names import shard_path
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
SEGMENTS_IN_PASS = 15


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


def training(seed: int = 3, features: SegmentFeatures = MEL_ONLY, **more):
    return batches.training_batches("sines", features, 4, seed, shuffle_buffer=8, **more)


def song_mel(song: Song) -> np.ndarray:
    return to_network(log_mel(song.audio.astype(np.float32) / 32768, MELGAN), MELGAN)


def find_crop(mel: np.ndarray, song: np.ndarray) -> int:
    """The only frame of the padded song at which ``mel`` lies."""
    padded = np.concatenate([song, np.full((FRAMES, song.shape[1]), -1, np.float32)])
    fits = [
        i for i in range(len(song)) if np.allclose(padded[i : i + FRAMES], mel, rtol=0, atol=1e-5)
    ]
    assert len(fits) == 1
    return fits[0]


def test_training_features_are_those_of_the_song_at_the_crop(corpus, songs):
    notes_of = {song.performance: song.notes for song in songs.values()}
    mels = {song.performance: song_mel(song) for song in songs.values()}
    with training(features=EVERYTHING) as stream:
        for batch in islice(stream, 5):
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
    with batches.evaluation_batches("sines", features, 5, split="validation") as stream:
        found = list(stream)
    # d has 220 frames, a 300: 4 + 5 segments of 64.
    assert [len(batch["performance"]) for batch in found] == [5, 4]
    with batches.evaluation_batches("sines", MEL_ONLY, 5, drop_remainder=True) as stream:
        assert [len(batch["performance"]) for batch in stream] == [5]
    joined = {name: np.concatenate([batch[name] for batch in found]) for name in found[0]}
    assert joined["performance"].tolist() == [3] * 4 + [0] * 5
    for name, rows in (("d", slice(0, 4)), ("a", slice(4, 9))):
        notes, mel = songs[name].notes, song_mel(songs[name])
        heard = np.concatenate(list(joined["mel"][rows]))
        np.testing.assert_allclose(heard[: len(mel)], mel, rtol=0, atol=1e-5)
        assert np.all(heard[len(mel) :] == -1)
        decoded, ignored = decode(list(joined["tokens"][rows]), CODEC, FRAMES, 50.0)
        assert ignored == 0
        np.testing.assert_array_equal(decoded.pitch, notes.pitch)
        np.testing.assert_array_equal(decoded.program, notes.program)
        np.testing.assert_array_equal(decoded.velocity, notes.velocity)
        np.testing.assert_allclose(decoded.start, notes.start, atol=0.0051)
        np.testing.assert_allclose(decoded.end, notes.end, atol=0.0051)


def test_a_pass_holds_every_song_and_offsets_change_from_pass_to_pass(corpus):
    with training() as stream:
        rows = [(p, m) for b in islice(stream, 15) for p, m in zip(b["performance"], b["mel"])]
    passes = [rows[i : i + SEGMENTS_IN_PASS] for i in range(0, 60, SEGMENTS_IN_PASS)]
    for one in passes:
        assert Counter(int(p) for p, _ in one) == {0: 4, 1: 7, 2: 1, 3: 3}
    openings = {np.sort([m.sum() for p, m in one if p == 1]).tobytes() for one in passes}
    assert len(openings) == len(passes)


def test_order_is_the_seeds_alone(corpus):
    def first(seed: int) -> list[np.ndarray]:
        with training(seed) as stream:
            return [batch["mel"] for batch in islice(stream, 4)]

    once, again, other = first(3), first(3), first(4)
    assert all(np.array_equal(x, y) for x, y in zip(once, again))
    assert not all(np.array_equal(x, y) for x, y in zip(once, other))


def test_starting_later_gives_the_very_same_batches(corpus):
    with training() as stream:
        undisturbed = list(islice(stream, 8))
    for start in (1, 5):  # within the first pass, in the second
        with training(start_batch=start) as stream:
            resumed = list(islice(stream, 3))
        for before, after in zip(undisturbed[start:], resumed):
            for name in before:
                np.testing.assert_array_equal(before[name], after[name])


def test_processes_read_different_songs(corpus):
    heard = []
    for index in (0, 1):
        with training(process_index=index, process_count=2) as stream:
            heard.append({int(p) for b in islice(stream, 4) for p in b["performance"]})
    assert heard == [{0, 1}, {2, 3}]
    with pytest.raises(UserError, match="2 files for 3 processes"):
        training(process_index=0, process_count=3)


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
        batches.training_batches("unheard_of", MEL_ONLY, 4, 0)
    with pytest.raises(UserError, match="no split 'test'"):
        training(split="test")


def test_a_damaged_file_is_the_users_to_mend(tmp_path):
    path = shard_path(tmp_path, "train", 0, 1, ".tfrecord")
    path.write_bytes(b"no records at all, only text")
    tasks.register_tasks("damaged", tmp_path, MELGAN, FRAMES, splits=("train",))
    stream = batches.evaluation_batches("damaged", MEL_ONLY, 4, split="train")
    with stream, pytest.raises(UserError, match="split train is damaged"):
        next(stream)


def test_what_does_not_fit_surfaces_in_the_consumer(corpus):
    narrow = SegmentFeatures(MELGAN, ("tokens",), FRAMES, codec=CODEC, token_length=5)
    with training(features=narrow) as stream, pytest.raises(UserError, match="token_length=5"):
        next(stream)
    longer = SegmentFeatures(MELGAN, ("mel",), FRAMES + 1)
    with training(features=longer) as stream, pytest.raises(ValueError, match="same mel spec"):
        next(stream)
