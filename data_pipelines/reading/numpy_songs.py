"""The songs of NumPy shards, cut into segments that are read when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.segments import NOTE_MARGIN_S, Segment, segment_lead, segment_samples
from data_pipelines.shards.arrays import open_shard
from mt3synth.audio.mel import MelSpec, to_network
from mt3synth.errors import UserError
from mt3synth.types import Bool, Float


@dataclass(frozen=True, eq=False)
class MelSegment(Segment):
    """A segment whose frames are known.

    Attributes:
      frames: in the network's range, context first, float16 ``[C + T, M]``; None where they have
        to be computed.
    """

    frames: np.ndarray | None = None


class MelSegmentFeatures(SegmentFeatures):
    """Takes the frames of `MelSegment` where they are known."""

    def mel_of(self, segment: Segment) -> Float[np.ndarray, "T M"]:
        """The segment's frames."""
        known = _known(segment)
        return super().mel_of(segment) if known is None else known[self.context_frames :]

    def context_of(
        self, segment: Segment
    ) -> tuple[Float[np.ndarray, "C M"], Bool[np.ndarray, " C"]]:
        """The frames that lead up to the segment, and which of them are in the song."""
        known = _known(segment)
        if known is None:
            return super().context_of(segment)
        return known[: self.context_frames], np.ones(self.context_frames, bool)


def _known(segment: Segment) -> np.ndarray | None:
    if isinstance(segment, MelSegment) and segment.frames is not None:
        return segment.frames.astype(np.float32)
    return None


@dataclass(frozen=True)
class Rows:
    """The rows of a ``.npy`` file.

    Opened for each reading, because a memory map keeps its file open, and a large data set has
    more shards than a process may have open files.
    """

    path: Path
    dtype: np.dtype
    shape: tuple[int, ...]
    offset: int

    @staticmethod
    def of(path: Path) -> Rows:
        """The rows of a file. Raises OSError or ValueError as `numpy.load` does."""
        mapped = np.load(path, mmap_mode="r")
        return Rows(path, mapped.dtype, mapped.shape[1:], mapped.offset)

    def read(self, first: int, count: int) -> np.ndarray:
        """``count`` rows from number ``first``. Raises UserError if they are not there."""
        width = int(np.prod(self.shape))
        begin = self.offset + first * width * self.dtype.itemsize
        try:
            values = np.fromfile(self.path, self.dtype, count * width, offset=begin)
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read ({error.strerror})") from error
        if len(values) < count * width:
            raise UserError(f"{self.path}: is cut short; build the corpus again")
        return values.reshape(count, *self.shape)


@dataclass(frozen=True)
class ArrayShard:
    """One shard: its files and its front end."""

    audio: Rows
    mel: Rows
    notes: Rows
    spec: MelSpec


@dataclass(frozen=True, slots=True)
class ArraySongEntry:
    """Where a song lies in its shard: first row and number of rows of each array."""

    id: str
    shard: ArrayShard
    sample_rate: int
    performance: int
    audio: tuple[int, int]
    mel: tuple[int, int]
    notes: tuple[int, int]

    def cut(self, start_frame: int, shift: int, features: SegmentFeatures) -> MelSegment:
        """The segment at ``start_frame``, to be shifted by ``shift`` semitones.

        Its frames are known where the shard was made with the same front end, nothing is shifted,
        and its context lies in the song.
        """
        spec, frames, context = features.mel, features.frames, features.context_frames
        lead = segment_lead(context, spec)
        samples = segment_samples(frames, context, spec)
        begin = start_frame / spec.frame_rate
        notes = self.shard.notes.read(*self.notes)
        near = (notes[:, 0] < begin + frames / spec.frame_rate + NOTE_MARGIN_S) & (
            notes[:, 1] > begin - NOTE_MARGIN_S
        )
        known = None
        if shift == 0 and spec == self.shard.spec and start_frame >= context:
            known = _padded(self.shard.mel, self.mel, start_frame - context, context + frames)
            silence = to_network(np.log(np.full((1, spec.bins), spec.floor)), spec)
            known[self.mel[1] - (start_frame - context) :] = silence
        return MelSegment(
            id=self.id,
            start_frame=start_frame,
            context_frames=context,
            audio=_padded(self.shard.audio, self.audio, start_frame * spec.hop - lead, samples),
            notes=notes[near],
            sample_rate=self.sample_rate,
            performance=self.performance,
            shift=shift,
            frames=known,
        )


def _padded(rows: Rows, song: tuple[int, int], first: int, count: int) -> np.ndarray:
    """``count`` rows from ``first`` of a song, which is surrounded by zeros."""
    begin, length = song
    low, high = max(first, 0), min(first + count, length)
    out = np.zeros((count, *rows.shape), rows.dtype)
    if low < high:
        out[low - first : high - first] = rows.read(begin + low, high - low)
    return out


def read_entries(shards: Sequence[Path], performances: Sequence[int]) -> list[ArraySongEntry]:
    """All songs of some shards, in order.

    Args:
      shards: folders.
      performances: the index that each of the shards' indices is to become.

    Raises:
      UserError: a shard is damaged, or a song's performance is not in performances.json.
    """
    entries = []
    for path in shards:
        spec, songs = open_shard(path)
        audio, mel, notes = (Rows.of(path / f"{name}.npy") for name in ("audio", "mel", "notes"))
        shard = ArrayShard(audio, mel, notes, spec)
        sample = frame = note = 0
        for song in songs:
            if not 0 <= song.performance < len(performances):
                raise UserError(
                    f"{path}: song {song.id!r} is of performance {song.performance}; "
                    f"performances.json has {len(performances)}"
                )
            entries.append(
                ArraySongEntry(
                    id=song.id,
                    shard=shard,
                    sample_rate=song.sample_rate,
                    performance=performances[song.performance],
                    audio=(sample, len(song.audio)),
                    mel=(frame, len(song.mel)),
                    notes=(note, len(song.notes)),
                )
            )
            sample += len(song.audio)
            frame += len(song.mel)
            note += len(song.notes)
    return entries
