"""Writes and reads songs.csv and rejected.csv: what is in a data set, and what is not."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from data_pipelines.filesystem import write_text
from data_pipelines.prepare.shard import SongEntry
from data_pipelines.recordings import Rejection
from mt3synth.errors import UserError
from mt3synth.reporting.tables import as_csv, read_csv

SONGS_FILE, REJECTED_FILE = "songs.csv", "rejected.csv"
SONG_COLUMNS = (
    *("id", "split", "shard", "performance", "seconds", "notes", "programs"),
    *("audio", "midi", "remarks"),
)
REJECTED_COLUMNS = ("audio", "midi", "reason")


def write_songs(folder: Path, shards: Mapping[str, Sequence[SongEntry]]) -> None:
    """Writes songs.csv; ``shards`` are the songs of each shard by its name, in order."""
    rows = []
    for shard, songs in shards.items():
        for s in songs:
            what = (s.id, shard.split("-")[0], shard, s.performance, f"{s.seconds:.3f}", s.notes)
            rows.append((*what, ";".join(s.programs), s.audio, s.midi, "; ".join(s.remarks)))
    write_csv(folder / SONGS_FILE, SONG_COLUMNS, rows)


def read_songs(folder: Path) -> list[dict[str, str]]:
    """Reads the rows of songs.csv by column; none if there is no such file.

    Raises:
      UserError: the file has other columns, or cannot be read.
    """
    path = folder / SONGS_FILE
    if not path.exists():
        return []

    def check(columns: Sequence[str]) -> None:
        if tuple(columns) != SONG_COLUMNS:
            raise UserError(f"{path}: its columns are not {','.join(SONG_COLUMNS)}; restore it")

    return [row for _, row in read_csv(path, check)]


def write_rejected(folder: Path, rejections: Iterable[Rejection]) -> None:
    """Writes rejected.csv, in the order of files and reasons; empty but for its head if none."""
    rows = [(r.audio, r.midi, r.reason) for r in sorted(set(rejections))]
    write_csv(folder / REJECTED_FILE, REJECTED_COLUMNS, rows)


def relative_path(path: Path | str, folder: Path) -> str:
    """Names a file as seen from the folder of the table that lists it; a URL stays as it is."""
    if "://" in str(path):
        return str(path)
    return Path(os.path.relpath(Path(path).resolve(), folder.resolve())).as_posix()


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a table with a head, whole or not at all."""
    write_text(path, as_csv(columns, rows))
