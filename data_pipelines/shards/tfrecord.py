"""Writes and reads songs as TFRecord files of ``tf.train.Example``, which SeqIO and TFDS read.

Features: ``id`` (bytes), ``audio`` (bytes, little-endian int16 mono PCM), ``sample_rate`` (int64),
``sequence`` (bytes, a serialized NoteSequence whose notes already include the sustain pedal),
``performance`` (int64). A song whose notes have curves also has ``curves`` (bytes, little-endian
float64), the table of `note_tables.notes_to_table`, which then stands for the sequence's notes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from data_pipelines.filesystem import write_atomically
from data_pipelines.shards.example import make_example, parse_example
from data_pipelines.shards.framing import read_frames, write_frame
from data_pipelines.shards.note_tables import (
    KNOT_COLUMNS,
    NOTE_COLUMNS,
    notes_from_table,
    notes_to_table,
)
from data_pipelines.songs import Song
from mt3synth.errors import UserError
from mt3synth.symbolic.midi import notes_from_sequence, parse_note_sequence, sequence_from_notes
from mt3synth.symbolic.notes import Notes

T = TypeVar("T")


class Record(NamedTuple):
    """Holds the features of a song's Example, not yet decoded."""

    id: str
    audio: bytes
    sample_rate: int
    sequence: bytes
    performance: int
    curves: bytes = b""


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
    for _, _, song in read_records(path, from_example):
        yield song


def read_records(path: Path, parse: Callable[[bytes], T]) -> Iterator[tuple[int, bytes, T]]:
    """Reads at which byte each record starts, its payload, and what ``parse`` makes of it.

    Raises:
      UserError: the file is damaged, or ``parse`` finds no song in a record.
    """
    for offset, payload in read_frames(path):
        try:
            parsed = parse(payload)
        except (KeyError, IndexError, ValueError) as error:
            raise UserError(
                f"{path}: the record at byte {offset} is no song of mt3synth ({error!r})"
            ) from error
        yield offset, payload, parsed


def to_example(song: Song) -> bytes:
    """Serializes one song as an Example."""
    sequence = sequence_from_notes(song.notes)
    sequence.id = song.id
    curves = {}
    if song.notes.curves is not None:
        curves = {"curves": [notes_to_table(song.notes).astype("<f8").tobytes()]}
    return make_example(
        {
            "id": [song.id.encode()],
            # Little-endian by name, for shards travel between machines.
            "audio": [song.audio.astype("<i2").tobytes()],
            "sample_rate": np.array([song.sample_rate]),
            "sequence": [sequence.SerializeToString(deterministic=True)],
            "performance": np.array([song.performance]),
            **curves,
        }
    )


def from_example(payload: bytes) -> Song:
    """Inverts `to_example`, but for notes shorter than a tick of 1 ms, which last that long.

    Raises:
      KeyError, IndexError, ValueError: the features are not those of a song.
    """
    record = parse_record(payload)
    audio, notes = np.frombuffer(record.audio, "<i2"), parse_sequence(record.sequence)
    if record.curves:
        notes = notes_from_table(parse_curves(record.curves))
    return Song(record.id, audio, record.sample_rate, notes, record.performance)


def parse_record(payload: bytes) -> Record:
    """Parses an Example, leaving sound and notes as they are.

    Raises:
      KeyError, IndexError, ValueError: the features are not those of a song.
    """
    features = parse_example(payload)
    name, audio, sequence = (bytes(features[key][0]) for key in ("id", "audio", "sequence"))
    rate, performance = (int(features[key][0]) for key in ("sample_rate", "performance"))
    curves = bytes(features["curves"][0]) if "curves" in features else b""
    return Record(name.decode(), audio, rate, sequence, performance, curves)


def parse_sequence(serialized: bytes) -> Notes:
    """Parses the notes of a serialized ``NoteSequence``, as they stand.

    Raises:
      ValueError: the bytes are none.
    """
    return notes_from_sequence(parse_note_sequence(serialized))


def parse_curves(octets: bytes) -> np.ndarray:
    """Parses a table of notes with curves.

    Raises:
      ValueError: the bytes are none.
    """
    return np.frombuffer(octets, "<f8").reshape(-1, len(NOTE_COLUMNS) + len(KNOT_COLUMNS))
