"""Lists the songs of NumPy shards, whose samples, notes and frames are rows of ``.npy`` files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_pipelines.reading.stored_song import SongAudio, StoredSong, read_values
from data_pipelines.shards.arrays import open_shard
from mt3synth.audio.mel import MelSpec, to_network
from mt3synth.foreign_files import map_array


@dataclass(frozen=True)
class Rows:
    """Reads rows of a ``.npy`` file."""

    path: Path
    dtype: np.dtype
    shape: tuple[int, ...]
    offset: int

    @staticmethod
    def of(path: Path) -> Rows:
        """Opens a file. Raises OSError or ValueError as `numpy.load` does."""
        mapped = map_array(path)
        return Rows(path, mapped.dtype, mapped.shape[1:], mapped.offset)

    def read(self, first: int, count: int) -> np.ndarray:
        """Reads ``count`` rows from number ``first``. Raises UserError if they are not there."""
        width = int(np.prod(self.shape))
        begin = self.offset + first * width * self.dtype.itemsize
        values = read_values(self.path, self.dtype, count * width, begin)
        return values.reshape(count, *self.shape)


@dataclass(frozen=True)
class NumpyShard:
    """Holds what the songs of one shard share: its files and its front end."""

    mel: Rows
    notes: Rows
    spec: MelSpec


@dataclass(frozen=True, eq=False)
class NumpySong(StoredSong):
    """Reads a song of a NumPy shard.

    Attributes:
      shard: where its rows are.
      frame_rows, note_rows: its first row, and how many it has.
    """

    shard: NumpyShard
    frame_rows: tuple[int, int]
    note_rows: tuple[int, int]

    def notes_between(self, begin: float, end: float) -> np.ndarray:
        """Reads the notes that sound between two seconds of the song."""
        notes = self.shard.notes.read(*self.note_rows)
        return notes[(notes[:, 0] < end) & (notes[:, 1] > begin)]

    def stored_frames(self, first: int, count: int, spec: MelSpec) -> np.ndarray | None:
        """Reads frames, float16, if the shard was made with the front end ``spec``."""
        if spec != self.shard.spec:
            return None
        begin, length = self.frame_rows
        # Past the end a frame is what the front end makes of silence, not zero.
        there = max(0, min(count, length - first))
        silence = to_network(np.log(np.full((1, spec.bins), spec.floor)), spec)
        frames = np.empty((count, spec.bins), self.shard.mel.dtype)
        frames[:there] = self.shard.mel.read(begin + first, there)
        frames[there:] = silence
        return frames


def list_shard(path: Path) -> list[NumpySong]:
    """Lists the songs of a shard in order.

    Raises:
      UserError: the shard is damaged.
    """
    spec, listed = open_shard(path)
    audio, mel, notes = (Rows.of(path / f"{name}.npy") for name in ("audio", "mel", "notes"))
    shard = NumpyShard(mel, notes, spec)
    songs = []
    for song in listed:
        sample, frame, note = song.first
        offset = audio.offset + audio.dtype.itemsize * sample
        samples = SongAudio(song.id, audio.path, offset, len(song.audio), song.sample_rate)
        frames, notes_of_song = (frame, len(song.mel)), (note, len(song.notes))
        songs.append(NumpySong(samples, song.performance, shard, frames, notes_of_song))
    return songs
