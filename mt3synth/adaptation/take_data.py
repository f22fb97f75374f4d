"""Cuts one recording into the segments that a performance is learned of, and those held out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np

from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.prefetch import Prefetched
from data_pipelines.reading.segments import (
    NOTE_MARGIN_S,
    Segment,
    segment_lead,
    segment_samples,
)
from data_pipelines.shards.note_tables import notes_to_table
from data_pipelines.songs import to_pcm
from mt3synth.adaptation.take import Take
from mt3synth.audio.files import read_audio
from mt3synth.model_spec import ModelSpec
from mt3synth.types import Batch

HELD_OUT = 0.15
"""Share of a recording, its end, by which is told when to stop."""


class TakeData:
    """Reads batches of one recording; a `mt3synth.batch_protocols.TrainingData`.

    Segments begin anywhere, but all of each lies in the recording: one that is cut out of a longer
    recording does not end in silence. What of a segment rings on from notes before it is known, for
    these notes are.

    Args:
      take: the recording, longer than two segments.
      spec: the model, whose frames and segments these are.
      name: of the performance.

    Raises:
      UserError: it cannot be read.
    """

    def __init__(self, take: Take, spec: ModelSpec, name: str) -> None:
        self.performances: list[dict[str, Any]] = [
            {"index": 0, "name": name, "description": take.audio.name}
        ]
        mel, length = spec.mel, spec.segment_frames
        audio = read_audio(take.audio, mel.sample_rate)
        # Resampled, the highest peaks may lie a little above full scale.
        self._pcm = to_pcm(np.clip(audio, -1, 1))
        self._notes = notes_to_table(take.notes)
        self._features = SegmentFeatures(
            mel=mel,
            names=spec.features,
            frames=length,
            roll=spec.roll,
            codec=spec.codec,
            note_rows=None,
            context_frames=spec.network.context_frames,
            curves=spec.has_curves,
        )
        first, last = (int(second * mel.frame_rate) for second in (take.start, take.end))
        held_out = max(1, round(HELD_OUT * (last - first) / length))
        end = last - held_out * length
        # Where a segment may begin that is learned of, and where those begin that are held out.
        self._first, self._count = first, max(1, end - first - length + 1)
        self._held_out = [end + number * length for number in range(held_out)]

    @property
    def identity(self) -> str:
        """Digests sound, notes and where they are cut."""
        digest = hashlib.sha256(self._pcm.tobytes())
        digest.update(self._notes.tobytes())
        digest.update(repr((self._first, self._count, self._held_out)).encode())
        return digest.hexdigest()

    def training(
        self,
        spec: ModelSpec,
        batch: int,
        seed: int,
        start: int,
        *,
        process_index: int = 0,
        process_count: int = 1,
    ) -> Prefetched[Batch]:
        """Reads batches without end, from number ``start`` on, as the protocol says."""

        def batches() -> Iterator[Batch]:
            for number in count(start):
                rng = np.random.default_rng([seed, number])
                drawn = self._first + rng.integers(0, self._count, batch * process_count)
                yield self._batch(drawn[process_index * batch :][:batch])

        return Prefetched(batches())

    def validation(self, spec: ModelSpec, batch: int) -> Iterator[Batch]:
        """Reads what is held out, from its beginning to its end."""
        for first in range(0, len(self._held_out), batch):
            yield self._batch(np.asarray(self._held_out[first : first + batch]))

    def _batch(self, starts: np.ndarray) -> Batch:
        return self._features.batch([self._segment(int(start)) for start in starts])

    def _segment(self, start: int) -> Segment:
        features, mel = self._features, self._features.mel
        begin = start / mel.frame_rate
        end = begin + features.frames / mel.frame_rate
        near = (self._notes[:, 0] < end + NOTE_MARGIN_S) & (
            self._notes[:, 1] > begin - NOTE_MARGIN_S
        )
        size = segment_samples(features.frames, features.context_frames, mel)
        at = start * mel.hop - segment_lead(features.context_frames, mel)
        low, high = max(at, 0), min(at + size, len(self._pcm))
        audio = np.zeros(size, np.int16)
        audio[low - at : high - at] = self._pcm[low:high]
        return Segment(
            id="take",
            start_frame=start,
            context_frames=features.context_frames,
            audio=audio,
            notes=self._notes[near],
            sample_rate=mel.sample_rate,
            performance=0,
        )
