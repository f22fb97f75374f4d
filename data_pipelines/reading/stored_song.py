"""A song of a prepared folder, of which any segment can be cut without reading the rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.segments import NOTE_MARGIN_S, Segment, segment_lead, segment_samples
from data_pipelines.reading.song_audio import SongAudio
from mt3synth.audio.mel import MelSpec


@dataclass(frozen=True, eq=False)
class StoredSong(ABC):
    """A song where it lies on disk; a subclass for each format of shards.

    Attributes:
      audio: its samples.
      performance: index of its performance.
    """

    audio: SongAudio
    performance: int

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
        stored = shift == 0 and start_frame >= context
        return Segment(
            id=self.audio.id,
            start_frame=start_frame,
            context_frames=context,
            audio=self.audio.read_pcm(first, segment_samples(frames, context, spec)),
            notes=self.notes_between(begin - NOTE_MARGIN_S, end + NOTE_MARGIN_S),
            sample_rate=self.audio.sample_rate,
            performance=self.performance,
            shift=shift,
            frames=self.stored_frames(start_frame - context, context + frames, spec)
            if stored
            else None,
        )
