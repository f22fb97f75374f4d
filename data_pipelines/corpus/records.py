"""Songs into TFRecord files; the only file of the renderer that imports TensorFlow.

One ``tf.train.Example`` a song: ``id`` bytes, ``audio`` bytes (int16 little-endian PCM, mono),
``sample_rate`` int64, ``sequence`` bytes (a serialized NoteSequence, pedal already applied to the
notes), ``performance`` int64.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

from data_pipelines.corpus.scores import Split
from data_pipelines.corpus.songs import SAMPLE_RATE, Song


class RecordWriter:
    """Writes the songs of one split over several files, in turn.

    Files are ``<split>-00000-of-000NN.tfrecord``; they are complete once the writer is closed.

    Args:
      folder: where the files go; must exist.
      split: their first name.
      shards: how many, at least 1.
    """

    def __init__(self, folder: Path, split: Split, shards: int) -> None:
        if shards < 1:
            raise ValueError(f"shards={shards}; must be at least 1")
        import tensorflow as tf  # slow, and only the writer needs it

        self._tf: Any = tf
        self._writers = [
            tf.io.TFRecordWriter(str(folder / f"{split}-{i:05d}-of-{shards:05d}.tfrecord"))
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
        self._writers[self.count % len(self._writers)].write(self._example(song))
        self.count += 1

    def _example(self, song: Song) -> bytes:
        from mt3synth.symbolic.midi import sequence_from_notes

        sequence = sequence_from_notes(song.notes)
        sequence.id = song.id
        train = self._tf.train

        def of_bytes(value: bytes) -> Any:
            return train.Feature(bytes_list=train.BytesList(value=[value]))

        def of_int(value: int) -> Any:
            return train.Feature(int64_list=train.Int64List(value=[value]))

        features = {
            "id": of_bytes(song.id.encode()),
            "audio": of_bytes(song.audio.astype("<i2").tobytes()),
            "sample_rate": of_int(SAMPLE_RATE),
            "sequence": of_bytes(sequence.SerializeToString()),
            "performance": of_int(song.performance),
        }
        return train.Example(features=train.Features(feature=features)).SerializeToString()
