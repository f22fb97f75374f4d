"""Lists rendered songs as recordings, of which `data_pipelines.prepare` makes a data set."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_pipelines.corpus.arrangement.scores import Split
from data_pipelines.corpus.recipe import SongBook
from data_pipelines.corpus.sound.render import render
from data_pipelines.recordings import Recording
from data_pipelines.workers import worker_pool
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes
from mt3synth.types import Float

_PIECE = 256  # songs that a worker plays through at a time
_SPLITS: tuple[Split, ...] = ("train", "validation", "test")


class RenderingError(RuntimeError):
    """Says that a song could not be rendered: no fault of its own, so it cannot be left out."""


@dataclass(frozen=True)
class RenderedAudio:
    """Renders a song's sound when it is read; a `recordings.AudioSource`.

    Attributes:
      book, split, index: which song.
      length: seconds of it.
      path: its soundfont, by its name alone.
    """

    book: SongBook
    split: Split
    index: int
    length: float
    path: Path

    def seconds(self) -> float:
        """Tells the length to where the last note has rung out."""
        return self.length

    def read(self, sample_rate: int) -> Float[np.ndarray, " S"]:
        """Renders the song in its performance. Raises RenderingError if that fails."""
        song = self.book.play(self.split, self.index)
        performance = self.book.all_performances()[song.performance]
        try:
            return render(
                song.notes, performance, sample_rate, song.rng, self.book.folders, song.ring_out_s
            )
        # Not a pair of the user's that may be left out: a song that fails would change the corpus.
        except UserError as error:
            raise RenderingError(f"{self.split} song {self.index}: {error}") from error


@dataclass(frozen=True)
class PlayedNotes:
    """Plays a song's notes as its players do; a `recordings.NotesSource`."""

    book: SongBook
    split: Split
    index: int

    @property
    def paths(self) -> tuple[Path, ...]:
        """Returns nothing, for no file holds them."""
        return ()

    def read(self) -> tuple[Notes, list[str]]:
        """Plays the notes; there is nothing to remark."""
        return self.book.play(self.split, self.index).notes, []


def list_recordings(book: SongBook, hours: Mapping[Split, float], workers: int) -> list[Recording]:
    """Lists as many songs of each split, in order, as fill its hours, or all there are.

    Args:
      book: the songs.
      hours: more than 0 for each split that is asked for.
      workers: processes that play through the songs, which tells how long they are.
    """
    listed: list[Recording] = []
    for split in _SPLITS:
        needed = 3600 * hours.get(split, 0.0)
        outlines = _play_outlines(book, split, needed, workers)
        seconds = 0.0
        for index, outline in enumerate(outlines):
            if seconds >= needed:
                break
            # Beyond the hours by at most one song, so that more hours begin with the same ones.
            listed.append(_make_recording(book, split, index, outline))
            seconds += outline.seconds
        outlines.close()  # and with it the workers, which play ahead
    return listed


class _Outline(NamedTuple):
    """Holds what a listing needs to know of a song."""

    seconds: float
    performance: int
    source: str


def _play_outlines(
    book: SongBook, split: Split, seconds: float, workers: int
) -> Generator[_Outline, None, None]:
    """Plays through every song of a split, in order."""
    size = book.size(split)
    # Songs last half a minute: within one piece, starting workers takes longer than the work.
    if workers == 1 or seconds < 30 * _PIECE:
        for index in count() if size is None else range(size):
            yield _play_outline(book, split, index)
        return
    firsts = iter(count(0, _PIECE) if size is None else range(0, size, _PIECE))
    with worker_pool(workers) as pool:

        def submit(pieces: int) -> list[Future[list[_Outline]]]:
            chosen = islice(firsts, pieces)
            return [pool.submit(_play_piece, book, split, first) for first in chosen]

        # Two pieces a worker keep all busy while this process waits for the first in order.
        ahead = submit(2 * workers)
        while ahead:
            yield from ahead.pop(0).result()
            ahead += submit(1)


def _play_piece(book: SongBook, split: Split, first: int) -> list[_Outline]:
    size = book.size(split)
    last = first + _PIECE if size is None else min(first + _PIECE, size)
    return [_play_outline(book, split, index) for index in range(first, last)]


def _play_outline(book: SongBook, split: Split, index: int) -> _Outline:
    song = book.play(split, index)
    return _Outline(song.notes.end_time + song.ring_out_s, song.performance, song.source)


def _make_recording(book: SongBook, split: Split, index: int, outline: _Outline) -> Recording:
    performance = book.all_performances()[outline.performance]
    return Recording(
        id=f"{split}-{index:05d} {outline.source}",
        audio=RenderedAudio(book, split, index, outline.seconds, Path(performance.soundfont.file)),
        notes=PlayedNotes(book, split, index),
        performance=performance.name,
        description=performance.description,
        split=split,
    )
