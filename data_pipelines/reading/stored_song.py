"""Reads any segment of a song of a prepared folder by its offset, without reading the rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.segments import NOTE_MARGIN_S, Segment, segment_lead, segment_samples
from mt3synth.audio.mel import MelSpec
from mt3synth.errors import UserError, explain_os_errors
from mt3synth.types import Float


def read_values(path: Path, dtype: str | np.dtype, count: int, offset: int) -> np.ndarray:
    """Reads ``count`` values of a file from byte ``offset`` on.

    The file is opened for each reading, because a memory map keeps its file open, and a large data
    set has more shards than a process may have open files.

    Raises:
      UserError: they are not there, or cannot be read.
    """
    with explain_os_errors(path):
        values = np.fromfile(path, dtype, count, offset=offset)
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


@dataclass(frozen=True, eq=False)
class StoredSong(ABC):
    """Reads a song where it lies on disk; there is a subclass for each format of shards.

    Attributes:
      audio: its samples.
      performance: index of its performance.
    """

    audio: SongAudio
    performance: int

    @property
    def seconds(self) -> float:
        """The length of its audio."""
        return self.audio.samples / self.audio.sample_rate

    @abstractmethod
    def notes_between(self, begin: float, end: float) -> np.ndarray:
        """Reads the notes that sound between two seconds of the song.

        Whole and in song time, float64 ``[n, 6]`` in the order of ``note_tables.NOTE_COLUMNS``.
        """

    def stored_frames(self, first: int, count: int, spec: MelSpec) -> np.ndarray | None:
        """Reads frames ``[count, M]`` in the network's range, if the shard holds those of ``spec``.

        ``first`` is at least 0; frames past the song's end are silent.
        """
        return None

    def cut(self, start_frame: int, shift: int, features: SegmentFeatures) -> Segment:
        """Cuts the segment at ``start_frame``, to be shifted by ``shift`` semitones.

        Raises:
          UserError: the shard cannot be read, or is cut short.
        """
        spec, frames, context = features.mel, features.frames, features.context_frames
        begin = start_frame / spec.frame_rate
        end = begin + frames / spec.frame_rate
        first = start_frame * spec.hop - segment_lead(context, spec)
        # Frames from before the song, and shifted ones, are in no shard.
        stored = None
        if shift == 0 and start_frame >= context:
            stored = self.stored_frames(start_frame - context, context + frames, spec)
        return Segment(
            id=self.audio.id,
            start_frame=start_frame,
            context_frames=context,
            audio=self.audio.read_pcm(first, segment_samples(frames, context, spec)),
            notes=self.notes_between(begin - NOTE_MARGIN_S, end + NOTE_MARGIN_S),
            sample_rate=self.audio.sample_rate,
            performance=self.performance,
            shift=shift,
            frames=stored,
        )
