"""Excerpts of a corpus: scores to render, and real recordings to learn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mt3synth.audio.mel import MelSpec, log_mel
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes
from mt3synth.types import FloatND


@dataclass(frozen=True, eq=False)
class Excerpt:
    """The beginning of a song's score.

    Attributes:
      name: of the song in its corpus.
      notes: none lasts beyond the excerpt.
    """

    name: str
    notes: Notes


@dataclass(frozen=True, eq=False)
class Recordings:
    """Real recordings.

    Attributes:
      mels: log-mel frames ``[T, M]`` of each, natural log.
      performances: index of each one's performance.
    """

    mels: list[FloatND]
    performances: list[int]


def read_excerpts(corpus: Path, split: str, count: int, seconds: float) -> list[Excerpt]:
    """The first ``seconds`` of the scores of the first ``count`` songs of a split.

    Raises:
      UserError: the corpus is missing, or has fewer songs of that length with notes in them.
    """
    chosen: list[Excerpt] = []
    for song in songs(corpus, split, seconds):
        if len(chosen) == count:
            break
        notes = song.notes.cropped(0.0, seconds)
        if np.any(~notes.is_drum):
            chosen.append(Excerpt(song.id, notes))
    if len(chosen) < count:
        raise UserError(
            f"{corpus} has {len(chosen)} songs of at least {seconds} s in its {split} split; "
            f"{count} excerpts are wanted"
        )
    return chosen


def read_recordings(
    corpus: Path, split: str, spec: MelSpec, seconds: float, performances: int, most: int
) -> Recordings:
    """The first ``seconds`` of up to ``most`` recordings of each performance in a split.

    Raises:
      UserError: the corpus is missing, its sample rate is not that of ``spec``, a performance is
        not below ``performances``, or one has no recording of that length.
    """
    found = Recordings([], [])
    counts: Counter[int] = Counter()
    for song in songs(corpus, split, seconds):
        if song.sample_rate != spec.sample_rate:
            raise UserError(
                f"{corpus}: song {song.id!r} has {song.sample_rate} samples per second; the model "
                f"wants {spec.sample_rate}"
            )
        if song.performance >= performances:
            raise UserError(
                f"{corpus}: song {song.id!r} is of performance {song.performance}; the model knows "
                f"0 to {performances - 1}"
            )
        if counts[song.performance] == most:
            continue
        counts[song.performance] += 1
        audio = song.audio[: round(seconds * song.sample_rate)].astype(np.float32) / 32768
        found.mels.append(log_mel(audio, spec))
        found.performances.append(song.performance)
        if all(counts[p] == most for p in range(performances)):
            break
    absent = [p for p in range(performances) if not counts[p]]
    if absent:
        raise UserError(
            f"{corpus}: no song of at least {seconds} s of performances {absent} in its {split} "
            "split"
        )
    return found


def songs(corpus: Path, split: str, seconds: float) -> Iterator[Any]:
    """The songs of a split that last at least ``seconds``."""
    from data_pipelines.shards.formats import read_split

    return (song for song in read_split(corpus, split) if song.seconds >= seconds)
