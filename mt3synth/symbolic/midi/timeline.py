"""All messages of a file in one order, with their times in seconds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mt3synth.symbolic.midi.chunks import MidiFile
from mt3synth.symbolic.midi.tempo import TempoMap

_BLOCK = 1 << 16  # messages that become Python objects at a time, which take ten times the memory


class Timeline:
    """The tracks of a file on one clock: the tempo changes of each count for all.

    The tracks of format 2 are patterns of their own; they are played one after another.

    Args:
      file: what was read.

    Attributes:
      track_ends: second at which each track ends.
    """

    def __init__(self, file: MidiFile) -> None:
        ends = [track.end for track in file.tracks]
        begins = np.cumsum([0, *ends[:-1]]) if file.format == 2 else np.zeros(len(ends))
        self._begins = begins.astype(np.int64)
        tempos = [
            (int(begin) + tick, tempo)
            for begin, track in zip(self._begins, file.tracks)
            for tick, tempo in track.tempos
        ]
        self._tracks = file.tracks
        self._tempo = TempoMap(file.division, tempos)
        self.track_ends: list[float] = self._tempo.seconds(self._begins + ends).tolist()

    def messages(self) -> Iterator[tuple[float, int, int]]:
        """Yields (second, track, message) in the order of time and, at one time, of tracks."""
        columns = [np.frombuffer(track.ticks, np.int64) for track in self._tracks]
        ticks = np.concatenate([c + begin for c, begin in zip(columns, self._begins)])
        messages = np.concatenate([np.frombuffer(t.messages, np.uint64) for t in self._tracks])
        track = np.repeat(np.arange(len(columns)), [len(column) for column in columns])
        # Stable: at one moment tracks take their turn in their order, and messages in theirs.
        order = np.argsort(ticks, kind="stable")
        for first in range(0, len(order), _BLOCK):
            block = order[first : first + _BLOCK]
            # In blocks: fast by NumPy, and no list of all messages of a file at once.
            seconds = self._tempo.seconds(ticks[block])
            yield from zip(seconds.tolist(), track[block].tolist(), messages[block].tolist())

    def releases(self) -> dict[int, set[tuple[int, int]]]:
        """Finds, by channel, each (key, track) of which the track lets go anywhere in the file."""
        found: dict[int, set[tuple[int, int]]] = {}
        for index, track in enumerate(self._tracks):
            messages = np.frombuffer(track.messages, np.uint64)
            kind, velocity = messages >> 20 & 0xF, messages & 0x7F
            off = messages[(kind == 8) | ((kind == 9) & (velocity == 0))]
            # Port and channel as one number, as the interpreter counts channels.
            places = np.unique(
                ((off >> 24 & 0x7F) << 4 | (off >> 16 & 0xF)) << 7 | (off >> 8 & 0x7F)
            )
            for place in places.tolist():
                found.setdefault(place >> 7, set()).add((place & 0x7F, index))
        return found
