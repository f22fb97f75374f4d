"""Lists the formats in which shards are written and read, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from data_pipelines.filesystem import local_copy
from data_pipelines.shards import arrays, tfrecord
from data_pipelines.shards.names import find_shards, splits_in
from data_pipelines.songs import Song
from mt3synth.errors import UserError


@dataclass(frozen=True)
class ShardFormat:
    """Says how shards of one kind are named, written and read.

    Attributes:
      suffix: after ``<split>-00000-of-00004``.
      write: ``(path, songs) -> number of songs``; whole or not at all, the same songs giving the
        same bytes.
      read: ``path -> songs``, in order; raises UserError for a damaged shard.
    """

    suffix: str
    write: Callable[[Path, Iterable[Song]], int]
    read: Callable[[Path], Iterator[Song]]


FORMATS = {
    "tfrecord": ShardFormat(".tfrecord", tfrecord.write, tfrecord.read),
    "numpy": ShardFormat(".arrays", arrays.write, arrays.read),
}
"""TFRecords are for SeqIO, TFDS and Beam: files of Examples. NumPy's are for training on ready
frames: folders of .npy files."""


def format_of(folder: Path) -> str:
    """Finds the name of the format whose shards ``folder`` holds.

    Raises:
      UserError: it holds none, or both.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; build a data set with `mt3synth prepare`")
    # By its files, not by a note in corpus.json, which an interrupted build does not have.
    present = [name for name, kind in FORMATS.items() if splits_in(folder, kind.suffix)]
    if len(present) == 1:
        return present[0]
    if present:
        raise UserError(f"{folder}: holds shards of two formats; build again into a new folder")
    raise UserError(
        f"{folder}: holds no data set (no *-of-*.tfrecord, no *-of-*.arrays); build one with "
        "`mt3synth prepare`"
    )


def read_split(folder: Path, split: str) -> Iterator[Song]:
    """Reads all songs of a split, shard by shard, in whichever format they are.

    Raises:
      UserError: the folder or the split is missing, incomplete or damaged.
    """
    kind = FORMATS[format_of(folder)]
    for path in find_shards(folder, split, kind.suffix):
        with local_copy(path) as local:
            yield from kind.read(local)
