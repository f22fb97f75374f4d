"""Lists the songs of TFRecords by their byte offsets; needs no TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from data_pipelines.reading.stored_song import SongAudio, StoredSong, read_values
from data_pipelines.shards.framing import HEADER_BYTES
from data_pipelines.shards.note_tables import notes_to_table
from data_pipelines.shards.tfrecord import (
    parse_curves,
    parse_record,
    parse_sequence,
    read_records,
)
from mt3synth.errors import UserError


@dataclass(frozen=True, eq=False)
class RecordSong(StoredSong):
    """Reads a song of a TFRecord file.

    Attributes:
      sequence: byte of the file at which its NoteSequence begins, and how many bytes it has; of
        notes with curves the same of their table.
      has_curves: which of the two it is.
    """

    sequence: tuple[int, int]
    has_curves: bool = False

    def notes_between(self, begin: float, end: float) -> np.ndarray:
        """Reads the notes that sound between two seconds of the song."""
        times, values, knots = self._notes
        near = (times[:, 0] < end) & (times[:, 1] > begin)
        return np.concatenate([times[near], values[near].astype(np.float64), knots[near]], axis=1)

    @cached_property
    def _notes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns onsets and ends, float64 ``[n, 2]``, and all else of notes, uint8 ``[n, 4]``.

        Last come the columns of their curves, float64 ``[n, 4]``, or ``[n, 0]`` if there are none.

        Parsing a NoteSequence takes as long as several segments, which come in random order. So it
        is done once for each song, and what is held, 20 bytes a note, is 150 MB for 200 hours of
        piano.
        """
        offset, length = self.sequence
        octets = read_values(self.audio.path, np.dtype(np.uint8), length, offset).tobytes()
        try:
            read = parse_curves if self.has_curves else _parse_notes
            table = read(octets)
        except ValueError as error:
            raise UserError(f"{self.audio.path}: song {self.audio.id!r}: {error}") from error
        return table[:, :2].copy(), table[:, 2:6].astype(np.uint8), table[:, 6:].copy()


def _parse_notes(sequence: bytes) -> np.ndarray:
    return notes_to_table(parse_sequence(sequence))


def list_shard(path: Path) -> list[RecordSong]:
    """Lists the songs of a file in order.

    The file is read once from end to end, which also finds what is damaged.

    Raises:
      UserError: the file is damaged, or holds something else.
    """
    songs = []
    for start, payload, record in read_records(path, parse_record):
        # An Example holds its bytes as they are: wherever in it they are found, they are these.
        first = start + HEADER_BYTES
        audio, length = first + payload.index(record.audio), len(record.audio) // 2
        samples = SongAudio(record.id, path, audio, length, record.sample_rate)
        notes = record.curves or record.sequence
        sequence = (first + payload.index(notes), len(notes))
        songs.append(RecordSong(samples, record.performance, sequence, bool(record.curves)))
    return songs
