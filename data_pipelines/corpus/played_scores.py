"""Scores played by the rules of docs/scores.md, cached: what is written in them is in the notes.

Beside the cache of parsed scores is a folder with an array for each of its files that the rules can
play, and ``index.json``, written last, that names them. The folder's name has a hash of the rules'
source: where they are changed, scores are played anew. What decides a corpus is what was played, by
`hash_played`; rules that play the same give the same corpus.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

import mt3synth.symbolic.scores as rules
from data_pipelines.corpus.arrangement.scores import find_corpus_folder, read_cache
from data_pipelines.filesystem import write_atomically, write_text
from data_pipelines.workers import worker_pool
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes
from mt3synth.types import Int

EXPRESSIONS = (0.0, 0.5, 1.0)
"""How far players go beyond what is written, in the playings of each score."""

_INDEX = "index.json"
_COLUMNS = ("start", "end", "pitch", "velocity", "program", "is_drum")


@dataclass(frozen=True, eq=False)
class Playing:
    """Holds a score as it is played.

    Attributes:
      source: file in music21's corpus.
      notes: seconds.
      part: of each note, from 0 at the top, int64 ``[n]``.
    """

    source: str
    notes: Notes
    part: Int[np.ndarray, " n"]


@dataclass(frozen=True)
class PlayedScores:
    """The scores of a split that were played, read one by one.

        played = PlayedScores(find_folder(cache), ("bach/bwv66.6.mxl",))
        played.read(0, expression=0.5).notes

    Attributes:
      folder: with the arrays.
      sources: the files, in order.
    """

    folder: Path
    sources: tuple[str, ...]

    def read(self, index: int, expression: float) -> Playing:
        """Reads a score as it is played with one of ``EXPRESSIONS``."""
        source = self.sources[index]
        table = np.load(_array_path(self.folder, source))
        table = table[table[:, 0] == EXPRESSIONS.index(expression)].T.astype(np.float64)
        notes = Notes(*table[2:])
        order = notes.order()
        return Playing(source, notes.select(order), table[1].astype(np.int64)[order])


def find_folder(cache: Path) -> Path:
    """Finds where the playings of a cache's scores are, by the rules as they are now."""
    return cache / f"played-{_hash_rules()}"


def fill_played(cache: Path, workers: int) -> None:
    """Plays every score of a cache that is not played yet; can be stopped and started again.

    Raises:
      UserError: music21 is missing, or the cache of parsed scores is not whole.
    """
    folder = find_folder(cache)
    if (folder / _INDEX).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    # A book has many tunes, of which the rules would play the first alone.
    files = list(dict.fromkeys(s.source for s in read_cache(cache)[0] if "#" not in s.source))
    missing = [file for file in files if not _array_path(folder, file).exists()]
    if missing:
        from tqdm import tqdm

        with worker_pool(workers) as pool:
            jobs = pool.map(partial(_play_to, folder), missing)
            list(tqdm(jobs, desc="scores played", unit="file", total=len(missing)))
    # Last: a folder without it is not whole.
    write_text(folder / _INDEX, json.dumps(files, indent=1))


def read_played(cache: Path, sources: Sequence[str]) -> PlayedScores:
    """Finds those of some scores that were played and have notes.

    Raises:
      UserError: they were not played, or none of them could be.
    """
    folder, wanted = find_folder(cache), set(sources)
    played = [
        file
        for file in _read_index(folder)
        if file in wanted and len(np.load(_array_path(folder, file), mmap_mode="r"))
    ]
    if not played:
        raise UserError(f"{folder}: none of {len(wanted)} scores could be played")
    return PlayedScores(folder, tuple(played))


def hash_played(cache: Path) -> str:
    """Hashes all that was played into 16 hexadecimal digits.

    Raises:
      UserError: the scores of this cache were not all played.
    """
    folder = find_folder(cache)
    total = hashlib.sha256()
    for file in _read_index(folder):
        total.update(file.encode() + b"\n" + _array_path(folder, file).read_bytes())
    return total.hexdigest()[:16]


def _read_index(folder: Path) -> list[str]:
    try:
        return list(json.loads((folder / _INDEX).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{folder}: scores that are not all played ({error}); remove it, and it is made anew"
        ) from error


def save_played(folder: Path, source: str, playings: Sequence[Playing]) -> None:
    """Writes a score as it is played with each of ``EXPRESSIONS``; none if it cannot be played."""
    rows = [np.zeros((0, 2 + len(_COLUMNS)), np.float32)]
    for number, playing in enumerate(playings):
        columns = [getattr(playing.notes, name) for name in _COLUMNS]
        number_of = np.full(len(playing.notes), number)
        rows.append(np.stack([number_of, playing.part, *columns], axis=1).astype(np.float32))
    with write_atomically(_array_path(folder, source)) as path, path.open("wb") as file:
        np.save(file, np.concatenate(rows))


def _play_to(folder: Path, source: str) -> None:
    path = find_corpus_folder() / source
    try:
        # Without curves: the corpus' synthesizer is given notes, and so is who is trained on it.
        songs = rules.play_often(path.read_bytes(), source, EXPRESSIONS, curves=False)
    except (rules.ScoreError, OSError):  # one that contradicts itself is left out
        songs = []
    playings = [Playing(source, song.notes, song.channel.astype(np.int64)) for song in songs]
    save_played(folder, source, playings)


def _array_path(folder: Path, source: str) -> Path:
    return folder / (source.replace("/", "__") + ".npy")


@lru_cache(maxsize=1)
def _hash_rules() -> str:
    total = hashlib.sha256()
    for path in sorted(Path(str(rules.__file__)).parent.glob("*.py")):
        total.update(path.name.encode() + path.read_bytes())
    return total.hexdigest()[:12]
