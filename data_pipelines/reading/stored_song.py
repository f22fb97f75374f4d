"""Reads any segment of a song of a prepared folder by its offset, without reading the rest."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.segments import NOTE_MARGIN_S, Segment, segment_lead, segment_samples
from mt3synth.audio.mel import MelSpec
from mt3synth.audio.resampling import resample_stretch, resampled_length
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
        return self.read_at(self.sample_rate, first, count)

    def read_at(self, sample_rate: int, first: int, count: int) -> Float[np.ndarray, " S"]:
        """Reads like `read`, but counts and gives samples at another rate.

        Raises:
          UserError: they cannot be read.
        """
        return self.read_pcm(first, count, sample_rate) / np.float32(32768)

    def samples_at(self, sample_rate: int) -> int:
        """Counts its samples at another rate."""
        return resampled_length(self.samples, self.sample_rate, sample_rate)

    def read_pcm(self, first: int, count: int, sample_rate: int | None = None) -> np.ndarray:
        """Reads like `read_at`, but gives int16 ``[count]``: by default those of the file.

        Raises:
          UserError: they cannot be read.
        """
        rate = sample_rate or self.sample_rate
        return resample_stretch(self._read_stored, self.sample_rate, rate, first, count)

    def _read_stored(self, first: int, count: int) -> np.ndarray:
        low, high = max(first, 0), min(first + count, self.samples)
        out = np.zeros(count, np.int16)
        if low < high:
            values = read_values(self.path, "<i2", high - low, self.offset + 2 * low)
            out[low - first : high - first] = values
        return out


def say_lower_rates(songs: Sequence[SongAudio], sample_rate: int, whose: str) -> None:
    """Says on stderr, in one line, that some songs have less treble than is asked for.

    Args:
      songs: to be read at ``sample_rate``.
      sample_rate: samples per second.
      whose: rate that is.
    """
    lower = [song for song in songs if song.sample_rate < sample_rate]
    if lower:
        rate = lower[0].sample_rate
        print(
            f"{lower[0].path}: song {lower[0].id!r} ({len(lower)} of {len(songs)} songs) has {rate}"
            f" samples per second, {whose} {sample_rate}: above {rate / 2:g} Hz silence is learned"
            f" from it; prepare with --sample-rate {sample_rate} if the recording has more",
            file=sys.stderr,
            flush=True,
        )


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

        Whole and in song time, float64 ``[n, 6]`` in the order of ``note_tables.NOTE_COLUMNS``, or
        ``[k, 10]`` with their curves.
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
        audio = np.zeros(0, np.int16)
        # Reading costs next to nothing; resampling costs as much as frames that are there already.
        if stored is None or spec.sample_rate == self.audio.sample_rate:
            count = segment_samples(frames, context, spec)
            audio = self.audio.read_pcm(first, count, spec.sample_rate)
        return Segment(
            id=self.audio.id,
            start_frame=start_frame,
            context_frames=context,
            audio=audio,
            notes=self.notes_between(begin - NOTE_MARGIN_S, end + NOTE_MARGIN_S),
            sample_rate=spec.sample_rate,
            performance=self.performance,
            shift=shift,
            frames=stored,
        )
