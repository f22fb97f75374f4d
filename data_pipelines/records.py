"""Songs on disk: TFRecord files of ``tf.train.Example``, one song each.

Fields: ``id`` (bytes), ``audio`` (bytes, little-endian int16 mono PCM), ``sample_rate`` (int64),
``sequence`` (bytes, a serialized NoteSequence whose notes already include the sustain pedal),
``performance`` (int64). Files are named ``<split>-00000-of-00004.tfrecord``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_pipelines.runtime import tensorflow
from mt3synth.errors import UserError

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class SongRecord:
    """One song: what was played, how it sounded, and in which performance.

    Attributes:
      id: unique within a corpus.
      audio: mono PCM, int16 ``[S]``.
      sample_rate: samples per second.
      sequence: serialized ``NoteSequence``.
      performance: index of the performance.

    Raises:
      ValueError: a field of another type, shape or range.
    """

    id: str
    audio: np.ndarray
    sample_rate: int
    sequence: bytes
    performance: int

    def __post_init__(self) -> None:
        if self.audio.dtype != np.int16 or self.audio.ndim != 1:
            raise ValueError(
                f"song {self.id!r}: audio is {self.audio.dtype} {list(self.audio.shape)}; "
                "must be int16 [samples]"
            )
        if self.sample_rate < 1:
            raise ValueError(f"song {self.id!r}: sample_rate={self.sample_rate}; must be positive")
        if self.performance < 0:
            raise ValueError(f"song {self.id!r}: performance={self.performance}; must be >= 0")


def shard_path(folder: str | Path, split: str, index: int, count: int) -> Path:
    """Where shard ``index`` of ``count`` of a split lies."""
    return Path(folder) / f"{split}-{index:05d}-of-{count:05d}.tfrecord"


def find_shards(folder: str | Path, split: str) -> list[Path]:
    """The files of one split, in order.

    Raises:
      UserError: the folder or the split is missing, or some of its shards are.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(
            f"{folder}: no such corpus folder; build a corpus there, or correct data_dir"
        )
    shards = sorted(folder.glob(f"{split}-*-of-*.tfrecord"))
    if not shards:
        present = sorted({path.name.split("-")[0] for path in folder.glob("*-of-*.tfrecord")})
        raise UserError(
            f"{folder}: no file {split}-*-of-*.tfrecord (splits there: "
            f"{', '.join(present) or 'none'}); build the corpus again, or choose another split"
        )
    expected = [shard_path(folder, split, i, len(shards)) for i in range(len(shards))]
    if shards != expected:
        raise UserError(
            f"{folder}: shards of split {split} are missing or of two builds "
            f"({shards[0].name} .. {shards[-1].name}, {len(shards)} files); build the corpus again"
        )
    return shards


def to_example(song: SongRecord) -> bytes:
    """One song as a serialized ``tf.train.Example``: what a file holds of it."""
    tf = tensorflow()

    def octets(value: bytes) -> Any:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    def whole(value: int) -> Any:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    fields = {
        "id": octets(song.id.encode()),
        "audio": octets(song.audio.astype("<i2").tobytes()),
        "sample_rate": whole(song.sample_rate),
        "sequence": octets(song.sequence),
        "performance": whole(song.performance),
    }
    return tf.train.Example(features=tf.train.Features(feature=fields)).SerializeToString()


def write_records(path: str | Path, songs: Iterable[SongRecord]) -> int:
    """Writes one shard, whole or not at all, and returns how many songs it holds."""
    tf = tensorflow()
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    count = 0
    try:
        with tf.io.TFRecordWriter(str(unfinished)) as writer:
            for song in songs:
                writer.write(to_example(song))
                count += 1
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def read_records(path: str | Path) -> Iterator[SongRecord]:
    """The songs of one shard, in order.

    Raises:
      UserError: the file is damaged, or is no corpus of this project.
    """
    tf = tensorflow()
    try:
        for serialized in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            song = tf.io.parse_single_example(serialized, feature_description())
            yield SongRecord(
                id=song["id"].numpy().decode(),
                audio=np.frombuffer(song["audio"].numpy(), "<i2"),
                sample_rate=int(song["sample_rate"]),
                sequence=song["sequence"].numpy(),
                performance=int(song["performance"]),
            )
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        raise UserError(f"{path}: damaged, or no corpus of mt3synth: {error.message}") from error


def feature_description() -> dict[str, Any]:
    """The fields of a record as TensorFlow's parser wants them."""
    tf = tensorflow()
    kinds = {
        "id": tf.string,
        "audio": tf.string,
        "sample_rate": tf.int64,
        "sequence": tf.string,
        "performance": tf.int64,
    }
    return {name: tf.io.FixedLenFeature([], kind) for name, kind in kinds.items()}
