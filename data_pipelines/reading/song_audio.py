"""The samples of a prepared song, read by their offset in its file, whatever the shard's format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mt3synth.errors import UserError
from mt3synth.types import Float


def read_values(path: Path, dtype: str | np.dtype, count: int, offset: int) -> np.ndarray:
    """Reads ``count`` values of a file from byte ``offset`` on.

    The file is opened for each reading, because a memory map keeps its file open, and a large data
    set has more shards than a process may have open files.

    Raises:
      UserError: they are not there, or cannot be read.
    """
    try:
        values = np.fromfile(path, dtype, count, offset=offset)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    if len(values) < count:
        raise UserError(f"{path}: is cut short; build the data set again")
    return values


@dataclass(frozen=True, slots=True)
class SongAudio:
    """Locates the samples of a song: int16, little-endian, one after the other.

    TFRecords and ``.npy`` files both hold them like this, so that any stretch of any song can be
    read without decoding what is around it::

      song = list_songs(folder, "train")[0].audio
      audio = song.read(first=16000, count=8000)  # the second second's first half

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
        """Reads ``count`` samples from ``first`` on, in [-1, 1), zero outside the song.

        Raises:
          UserError: they cannot be read.
        """
        return self.read_pcm(first, count) / np.float32(32768)

    def read_pcm(self, first: int, count: int) -> np.ndarray:
        """Reads like `read`, but gives the int16 ``[count]`` of the file.

        Raises:
          UserError: they cannot be read.
        """
        low, high = max(first, 0), min(first + count, self.samples)
        out = np.zeros(count, np.int16)
        if low < high:
            values = read_values(self.path, "<i2", high - low, self.offset + 2 * low)
            out[low - first : high - first] = values
        return out
