"""Rendered songs into the files of a split; TensorFlow is imported with the first writer."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

from data_pipelines.corpus.scores import Split
from data_pipelines.corpus.songs import SAMPLE_RATE, Song
from data_pipelines.records import SongRecord, shard_path, to_example
from data_pipelines.runtime import tensorflow


class RecordWriter:
    """Writes the songs of one split over several files, in turn, one record a song.

    The files are complete once the writer is closed.

    Args:
      folder: where the files go; must exist.
      split: their first name.
      shards: how many, at least 1.

    Raises:
      ValueError: ``shards`` below 1.
    """

    def __init__(self, folder: Path, split: Split, shards: int) -> None:
        if shards < 1:
            raise ValueError(f"shards={shards}; must be at least 1")
        self._writers: list[Any] = [
            tensorflow().io.TFRecordWriter(str(shard_path(folder, split, i, shards)))
            for i in range(shards)
        ]
        self.count = 0

    def __enter__(self) -> RecordWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for writer in self._writers:
            writer.close()

    def write(self, song: Song) -> None:
        """Appends one song to the next file."""
        record = to_example(_record(song))
        self._writers[self.count % len(self._writers)].write(record)
        self.count += 1


def _record(song: Song) -> SongRecord:
    from mt3synth.symbolic.midi import sequence_from_notes

    sequence = sequence_from_notes(song.notes)
    sequence.id = song.id
    return SongRecord(
        id=song.id,
        audio=song.audio,
        sample_rate=SAMPLE_RATE,
        sequence=sequence.SerializeToString(),
        performance=song.performance,
    )
