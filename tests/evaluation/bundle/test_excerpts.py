"""Excerpts and recordings from a small corpus of known songs."""

from pathlib import Path

import numpy as np
import pytest

from data_pipelines.shards.formats import FORMATS
from data_pipelines.shards.names import shard_path
from data_pipelines.songs import Song
from mt3synth.audio.mel import MELGAN
from mt3synth.errors import UserError
from mt3synth.evaluation.bundle.excerpts import read_excerpts, read_recordings, spread
from mt3synth.symbolic.notes import Notes

RATE = MELGAN.sample_rate


def note(start: float, end: float, drum: bool = False) -> Notes:
    return Notes(
        start=np.array([start]),
        end=np.array([end]),
        pitch=np.array([60]),
        velocity=np.array([80]),
        program=np.array([0]),
        is_drum=np.array([drum]),
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Songs 0 to 7 of 3 s in performances 0, 1, 0, 1, ..; song 2 has drums alone, 3 lasts 1 s."""
    folder = tmp_path_factory.mktemp("corpus")
    songs = []
    for i in range(8):
        seconds = 1 if i == 3 else 3
        notes = Notes.concatenate([note(0.1, 2.5, drum=i == 2), note(2.2, 2.9, drum=i == 2)])
        songs.append(
            Song(
                id=f"song {i}",
                audio=np.full(seconds * RATE, 1000 * (i + 1), np.int16),
                sample_rate=RATE,
                notes=notes,
                performance=i % 2,
            )
        )
    kind = FORMATS["tfrecord"]
    kind.write(shard_path(folder, "test", 0, 1, kind.suffix), songs)
    return folder


def test_excerpts_are_the_beginnings_of_songs_with_pitched_notes(corpus: Path) -> None:
    excerpts = read_excerpts(corpus, "test", 3, 2.0)
    assert [e.name for e in excerpts] == ["song 0", "song 1", "song 4"]
    assert all(len(e.notes) == 1 and e.notes.end_time == 2.0 for e in excerpts)


def test_too_few_songs(corpus: Path) -> None:
    with pytest.raises(UserError, match=r"has 6 songs of at least 2\.0 s in its test split; 9"):
        read_excerpts(corpus, "test", 9, 2.0)


def test_recordings_are_balanced(corpus: Path) -> None:
    found = list(read_recordings(corpus, "test", RATE, 2.0, performances=2, most=2))
    assert [song.id for song in found] == ["song 0", "song 1", "song 2", "song 5"]
    assert [song.performance for song in found] == [0, 1, 0, 1]


def test_a_performance_without_recordings(corpus: Path) -> None:
    with pytest.raises(UserError, match=r"no song of at least 2.0 s of performances \[2\]"):
        list(read_recordings(corpus, "test", RATE, 2.0, performances=3, most=2))
    found = read_recordings(corpus, "test", RATE, 2.0, performances=3, most=2, all_needed=False)
    assert len(list(found)) == 4


def test_a_performance_that_the_model_does_not_know(corpus: Path) -> None:
    with pytest.raises(UserError, match="'song 1' is of performance 1; the model knows 0 to 0"):
        list(read_recordings(corpus, "test", RATE, 2.0, performances=1, most=2))


def test_recordings_come_at_the_rate_of_the_model(corpus: Path) -> None:
    (ours, *_), (theirs, *_) = (
        list(read_recordings(corpus, "test", rate, 2.0, performances=2, most=2))
        for rate in (RATE, 44100)
    )
    assert theirs.sample_rate == 44100
    assert len(theirs.audio) == -(-len(ours.audio) * 44100 // RATE)


def test_excerpts_are_spread_evenly(corpus: Path) -> None:
    excerpts = read_excerpts(corpus, "test", 6, 2.0)
    assert [e.name for e in spread(excerpts, 2)] == ["song 0", "song 5"]


def test_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        read_excerpts(tmp_path / "nowhere", "test", 1, 1.0)
