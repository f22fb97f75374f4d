"""Writes and reads songs as TFRecord files of ``tf.train.Example``, which SeqIO and TFDS read.

Features: ``id`` (bytes), ``audio`` (bytes, little-endian int16 mono PCM), ``sample_rate`` (int64),
``sequence`` (bytes, a serialized NoteSequence whose notes already include the sustain pedal),
``performance`` (int64).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from data_pipelines.filesystem import write_atomically
from data_pipelines.shards.example import make_example, parse_example
from data_pipelines.shards.framing import read_frames, write_frame
from data_pipelines.songs import Song
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes


def write(path: Path, songs: Iterable[Song]) -> int:
    """Writes one shard, whole or not at all, and returns how many songs it holds."""
    count = 0
    with write_atomically(path) as unfinished, open(unfinished, "wb") as file:
        for song in songs:
            write_frame(file, to_example(song))
            count += 1
    return count


def read(path: Path) -> Iterator[Song]:
    """Reads the songs of one shard, in order.

    Raises:
      UserError: the file is damaged, or holds something else.
    """
    for offset, payload in read_frames(path):
        try:
            yield from_example(payload)
        except (KeyError, IndexError, ValueError) as error:
            raise UserError(
                f"{path}: the record at byte {offset} is no song of mt3synth ({error!r})"
            ) from error


def to_example(song: Song) -> bytes:
    """Serializes one song as an Example."""
    from mt3synth.symbolic.midi import sequence_from_notes

    sequence = sequence_from_notes(song.notes)
    sequence.id = song.id
    return make_example(
        {
            "id": [song.id.encode()],
            "audio": [song.audio.astype("<i2").tobytes()],
            "sample_rate": np.array([song.sample_rate]),
            "sequence": [sequence.SerializeToString(deterministic=True)],
            "performance": np.array([song.performance]),
        }
    )


def from_example(payload: bytes) -> Song:
    """Inverts `to_example`, but for notes shorter than a tick of 1 ms, which last that long.

    Raises:
      KeyError, IndexError, ValueError: the features are not those of a song.
    """
    features = parse_example(payload)
    return Song(
        id=bytes(features["id"][0]).decode(),
        audio=np.frombuffer(bytes(features["audio"][0]), "<i2"),
        sample_rate=int(features["sample_rate"][0]),
        notes=parse_sequence(bytes(features["sequence"][0])),
        performance=int(features["performance"][0]),
    )


def parse_sequence(serialized: bytes) -> Notes:
    """Parses the notes of a serialized ``NoteSequence``, as they stand.

    Raises:
      ValueError: the bytes are none.
    """
    from mt3synth.symbolic.midi import notes_from_sequence, parse_note_sequence

    return notes_from_sequence(parse_note_sequence(serialized))
