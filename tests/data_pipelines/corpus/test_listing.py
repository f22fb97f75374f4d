"""Rendered songs as recordings: their lengths are known first, and hours only add songs."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from corpus_cases import SMALL_SOUNDFONT, needs_fluidsynth, scores_cache, small_performances

from data_pipelines.corpus import listing
from data_pipelines.corpus.arrangement.kinds import DEFAULT_KINDS, ENSEMBLE_ONLY
from data_pipelines.corpus.recipe import SongBook
from data_pipelines.recordings import AudioSource, NotesSource
from mt3synth.errors import UserError

pytestmark = needs_fluidsynth


@pytest.fixture
def book(tmp_path: Path) -> SongBook:
    cache, file = scores_cache(tmp_path / "scores"), small_performances(tmp_path / "p.toml")
    return SongBook.open(3, cache, file, (SMALL_SOUNDFONT,), ENSEMBLE_ONLY)


def test_hours_are_filled_and_begin_with_the_same_songs(book: SongBook) -> None:
    few = listing.list_recordings(book, {"train": 0.1, "test": 0.01}, workers=1)
    many = listing.list_recordings(book, {"train": 0.3, "validation": 9.0, "test": 0.01}, workers=1)
    train = [r for r in many if r.split == "train"]
    seconds = [r.audio.seconds() for r in train]
    assert sum(seconds[:-1]) < 0.3 * 3600 <= sum(seconds)
    assert few == [*train[: len(few) - 1], many[-1]]
    assert len(train) == len({r.id for r in train}) > 20
    held_out = [r for r in many if r.split == "validation"]
    assert len(held_out) == book.size("validation")  # all there are, when less than asked for
    assert {r.performance for r in train} == {"chamber", "studio"}
    assert [r.performance for r in held_out[:2]] == ["chamber", "studio"]  # by turns


def test_lengths_are_those_of_the_sound_and_it_stays_the_same(book: SongBook) -> None:
    recording, *_ = listing.list_recordings(book, {"train": 0.001}, workers=1)
    assert isinstance(recording.audio, AudioSource) and isinstance(recording.notes, NotesSource)
    audio = recording.audio.read(16000)
    assert recording.audio.seconds() == pytest.approx(len(audio) / 16000, abs=1 / 16000)
    notes, remarks = recording.notes.read()
    assert len(notes) > 20 and notes.end_time < recording.audio.seconds() and not remarks
    travelled = pickle.loads(pickle.dumps(recording))
    np.testing.assert_array_equal(travelled.audio.read(16000), audio)


def test_a_mixed_listing_knows_the_silence_before_and_after(book: SongBook) -> None:
    mixed = replace(book, kinds=DEFAULT_KINDS, played="made")
    listed = listing.list_recordings(mixed, {"train": 0.03, "test": 0.01}, workers=1)
    assert len({recording.id.split()[1] for recording in listed}) > 2  # kinds
    for recording in listed[:3]:
        audio = recording.audio.read(16000)
        assert recording.audio.seconds() == pytest.approx(len(audio) / 16000, abs=1 / 16000)
        assert len(recording.notes.read()[0])


@pytest.mark.slow
def test_workers_find_the_same_songs(book: SongBook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_PIECE", 4)
    alone, together = (
        listing.list_recordings(book, {"train": 0.2, "test": 9.0}, n) for n in (1, 2)
    )
    assert alone == together


def test_the_representation_tells_books_apart_but_not_folders(
    book: SongBook, tmp_path: Path
) -> None:
    cache, file = book.cache.rename(tmp_path / "moved"), small_performances(tmp_path / "q.toml")
    assert repr(SongBook.open(3, cache, file, book.folders, book.kinds)) == repr(book)
    assert repr(SongBook.open(4, cache, file, book.folders, book.kinds)) != repr(book)
    assert repr(SongBook.open(3, cache, file, book.folders)) != repr(book)  # of other kinds
    file.write_text(file.read_text().replace("gain_db = 1.5", "gain_db = 1.4"))
    assert repr(SongBook.open(3, cache, file, book.folders, book.kinds)) != repr(book)
    with pytest.raises(UserError, match="seed -1; must be at least 0"):
        SongBook.open(-1, cache, file, book.folders, book.kinds)
