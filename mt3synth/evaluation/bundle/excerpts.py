"""Reads from a corpus what a bundle is measured on: scores to render, and real recordings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mt3synth.audio.resampling import resample_pcm
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes


@dataclass(frozen=True, eq=False)
class Excerpt:
    """The beginning of a song's score.

    Attributes:
      name: of the song in its corpus.
      notes: none lasts beyond the excerpt.
    """

    name: str
    notes: Notes


def read_excerpts(corpus: Path, split: str, count: int, seconds: float) -> list[Excerpt]:
    """Reads the first ``seconds`` of the scores of the first ``count`` songs of a split.

    Raises:
      UserError: the corpus is missing, or has fewer songs of that length with notes in them.
    """
    chosen: list[Excerpt] = []
    for song in _songs(corpus, split, seconds):
        if len(chosen) == count:
            break
        notes = song.notes.cropped(0.0, seconds)
        # The transcriber hears pitches; an excerpt of drums alone would count for nothing.
        if np.any(~notes.is_drum):
            chosen.append(Excerpt(song.id, notes))
    if len(chosen) < count:
        raise UserError(
            f"{corpus} has {len(chosen)} songs of at least {seconds} s in its {split} split; "
            f"{count} excerpts are wanted"
        )
    return chosen


def read_recordings(
    corpus: Path,
    split: str,
    sample_rate: int,
    seconds: float,
    performances: int,
    most: int,
    all_needed: bool = True,
) -> Iterator[Any]:
    """Yields up to ``most`` songs of each performance that last at least ``seconds``.

    Their audio comes at ``sample_rate``, whatever rate the corpus keeps it at.

    Args:
      corpus: folder of a prepared data set.
      split: of it.
      sample_rate: of the model, in samples per second.
      seconds: least length of a song.
      performances: how many the model knows.
      most: songs of each.
      all_needed: whether every performance must have one.

    Raises:
      UserError: the corpus is missing, a performance is not below ``performances``, or one that is
        needed has no recording of that length.
    """
    counts: Counter[int] = Counter()
    for song in _songs(corpus, split, seconds):
        if song.performance >= performances:
            raise UserError(
                f"{corpus}: song {song.id!r} is of performance {song.performance}; the model knows "
                f"0 to {performances - 1}"
            )
        if counts[song.performance] == most:
            continue
        counts[song.performance] += 1
        audio = resample_pcm(song.audio, song.sample_rate, sample_rate)
        yield replace(song, audio=audio, sample_rate=sample_rate)
        if all(counts[p] == most for p in range(performances)):
            return  # the rest of a large split need not be read
    absent = [p for p in range(performances) if not counts[p]]
    if absent and all_needed:
        raise UserError(
            f"{corpus}: no song of at least {seconds} s of performances {absent} in its {split} "
            "split"
        )


def spread(excerpts: Sequence[Excerpt], count: int) -> list[Excerpt]:
    """Picks ``count`` of the excerpts, evenly over all of them."""
    return [excerpts[i * len(excerpts) // count] for i in range(count)]


def _songs(corpus: Path, split: str, seconds: float) -> Iterator[Any]:
    from data_pipelines.shards.formats import read_split

    return (song for song in read_split(corpus, split) if song.seconds >= seconds)
