"""Lists the songs of a prepared folder, whichever format its shards are in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from data_pipelines.reading import numpy_songs, tfrecord_songs
from data_pipelines.reading.stored_song import StoredSong
from data_pipelines.shards.formats import FORMATS, format_of
from data_pipelines.shards.names import find_shards

_LIST_SHARD: dict[str, Callable[[Path], Sequence[StoredSong]]] = {
    "tfrecord": tfrecord_songs.list_shard,
    "numpy": numpy_songs.list_shard,
}


def list_songs(folder: Path, split: str) -> list[StoredSong]:
    """Lists the songs of a split in the order of their shards.

    Raises:
      UserError: the folder or the split is missing, incomplete or damaged.
    """
    kind = format_of(folder)
    return [
        song
        for path in find_shards(folder, split, FORMATS[kind].suffix)
        for song in _LIST_SHARD[kind](path)
    ]
