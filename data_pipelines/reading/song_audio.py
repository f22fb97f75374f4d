"""The sound of prepared songs, any stretch of it at once, whichever format their shards are in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data_pipelines.shards.example import parse_example
from data_pipelines.shards.formats import FORMATS, format_of
from data_pipelines.shards.framing import read_frames
from data_pipelines.shards.names import find_shards
from mt3synth.errors import UserError

_HEADER_BYTES = 12  # of a TFRecord, before its payload


@dataclass(frozen=True, slots=True)
class SongAudio:
    """Where the samples of a song lie: int16, little-endian, one after the other.

    Attributes:
      id: of the song.
      path: file that holds them.
      offset: byte at which they begin.
      samples: how many they are.
      sample_rate: samples per second.
    """

    id: str
    path: Path
    offset: int
    samples: int
    sample_rate: int

    def read(self, first: int, count: int) -> Float[np.ndarray, " S"]:
        """``count`` samples from ``first`` on, in [-1, 1), zero outside the song.

        Raises:
          UserError: they cannot be read.
        """
        low, high = max(first, 0), min(first + count, self.samples)
        out = np.zeros(count, np.float32)
        if low < high:
            try:
                values = np.fromfile(self.path, "<i2", high - low, offset=self.offset + 2 * low)
            except OSError as error:
                raise UserError(f"{self.path}: cannot be read ({error.strerror})") from error
            if len(values) < high - low:
                raise UserError(f"{self.path}: is cut short; build the data set again")
            out[low - first : high - first] = values / np.float32(32768)
        return out


def songs_of(folder: str | Path, split: str) -> list[SongAudio]:
    """The songs of a split of a prepared folder, in order.

    TFRecords are read once from end to end, which also finds what is damaged.

    Raises:
      UserError: the folder or the split is missing, incomplete or damaged.
    """
    kind = format_of(folder)
    list_songs = {"tfrecord": _in_records, "numpy": _in_arrays}[kind]
    return [
        song
        for path in find_shards(folder, split, FORMATS[kind].suffix)
        for song in list_songs(path)
    ]


def _in_records(path: Path) -> Sequence[SongAudio]:
    songs = []
    for start, payload in read_frames(path):
        try:
            features = parse_example(payload)
            audio = bytes(features["audio"][0])
            within = payload.index(audio)
            name, rate = bytes(features["id"][0]).decode(), int(features["sample_rate"][0])
        except (KeyError, IndexError, ValueError) as error:
            raise UserError(
                f"{path}: the record at byte {start} is no song of mt3synth ({error!r})"
            ) from error
        songs.append(SongAudio(name, path, start + _HEADER_BYTES + within, len(audio) // 2, rate))
    return songs


def _in_arrays(path: Path) -> Sequence[SongAudio]:
    from data_pipelines.reading.numpy_songs import Rows
    from data_pipelines.shards.arrays import open_shard

    rows = Rows.of(path / "audio.npy")
    songs, first = [], 0
    for song in open_shard(path)[1]:
        offset = rows.offset + rows.dtype.itemsize * first
        songs.append(SongAudio(song.id, rows.path, offset, len(song.audio), song.sample_rate))
        first += len(song.audio)
    return songs
