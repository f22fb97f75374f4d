"""The bytes of one track to messages in ticks, whatever state the bytes are in.

Parsers in common use (mido, and pretty_midi and note-seq over it) refuse a whole file for one bad
byte. This one reads on, as players do: what it cannot understand it skips and counts. Source: the
Standard MIDI Files 1.0 specification (MIDI Association, RP-001).
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from mt3synth.symbolic.midi.findings import Findings

EXCLUSIVE = 0xF0

_META, _ESCAPE, _END_OF_EXCLUSIVE = 0xFF, 0xF7, b"\xf7"
_TEMPO, _END_OF_TRACK, _PORT = 0x51, 0x2F, 0x21
# The specification allows numbers of 28 bits. Longer ones are damage; unmasked, a long run of bytes
# above 127 would make a number of millions of bits.
_NUMBER_MASK = 0x0FFFFFFF
# System messages have no place in a file. Where a stream was dumped into one they bring their data.
_SYSTEM_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}


@dataclass
class Track:
    """One track's messages, in columns to spare memory.

    Attributes:
      ticks: when each message comes, in ticks from the track's beginning.
      messages: ``port << 24 | status << 16 | data1 << 8 | data2``; of an exclusive one the data are
        its index in ``exclusives``, from bit 32 on.
      exclusives: what stands between F0 and F7 in each exclusive message.
      tempos: (tick, microseconds a quarter).
      end: tick of the end of the track.
      ended: whether there was an end-of-track event.
      cut: whether the bytes end within an event.
      stop: index of the first byte that was not read.
    """

    ticks: array[int] = field(default_factory=lambda: array("q"))
    messages: array[int] = field(default_factory=lambda: array("Q"))
    exclusives: list[bytes] = field(default_factory=list)
    tempos: list[tuple[int, int]] = field(default_factory=list)
    end: int = 0
    ended: bool = False
    cut: bool = False
    stop: int = 0


def read_track(data: bytes, start: int, limit: int, findings: Findings) -> Track:
    """Reads the events of a track from ``start`` until its end or ``limit``."""
    return _TrackReader(data, limit, findings).read(start)


class _TrackReader:
    def __init__(self, data: bytes, limit: int, findings: Findings) -> None:
        self._data, self._limit, self._findings = data, limit, findings
        self._track = Track(stop=limit)
        self._port = 0
        self._exclusive: bytearray | None = None  # one that has begun and not ended

    def read(self, position: int) -> Track:
        """Reads channel messages here, the bulk of any file, and hands all others on."""
        data, limit, track = self._data, self._limit, self._track
        tick = running = masked = orphans = 0
        while position < limit and not (track.ended or track.cut):
            delta, position = self._number(position)
            tick += delta
            while position < limit and data[position] < 0x80 and not running:
                # Nothing says what this byte belongs to; the next status byte is firm ground.
                position, orphans = position + 1, orphans + 1
            if position >= limit:
                track.cut = True
                break
            status = data[position]
            if status < 0x80:
                status = running
            else:
                position += 1
            if status >= 0xF0:
                # Strictly meta and exclusive messages cancel running status, but there are files
                # that rely on players that keep it.
                position = self._system(status, position, tick)
                continue
            running = status
            # Program changes and aftertouch of channels have one byte, all others two.
            size = 1 if 0xC0 <= status < 0xE0 else 2
            if position + size > limit:
                track.cut = True
                break
            first, second = data[position], data[position + 1] if size == 2 else 0
            position += size
            if (first | second) > 0x7F:
                masked += (first > 0x7F) + (second > 0x7F)
                first, second = first & 0x7F, second & 0x7F
            track.ticks.append(tick)
            track.messages.append(self._port << 24 | status << 16 | first << 8 | second)
        track.end = tick
        self._findings.add("data bytes above 127: {} masked", masked)
        self._findings.add("bytes that belong to no message: {} skipped", orphans)
        return track

    def _system(self, status: int, position: int, tick: int) -> int:
        """Reads a meta, exclusive or undefined event; returns the index after it."""
        if status not in (EXCLUSIVE, _ESCAPE, _META):
            self._findings.add("undefined or real-time status bytes: {} skipped")
            return position + _SYSTEM_DATA_BYTES.get(status, 0)
        kind = -1
        if status == _META:
            kind, position = self._data[min(position, self._limit - 1)], position + 1
        size, position = self._number(position)
        content = self._data[position : min(position + size, self._limit)]
        if position + size > self._limit:
            # A wrong length of an exclusive message can be seen from where it says it ends.
            size = content.find(_END_OF_EXCLUSIVE) + 1 if status == EXCLUSIVE else 0
            if not size:
                self._track.cut = True
                return self._limit
            content = content[:size]
        if status == _META:
            self._meta(kind, content, tick)
        else:
            self._exclude(status, content, tick)
        if self._track.ended:
            self._track.stop = position + size
        return position + size

    def _meta(self, kind: int, content: bytes, tick: int) -> None:
        # All others (names, words, keys, measures) say nothing of what sounds: they are not even
        # looked at, and so cannot be out of range.
        if kind == _END_OF_TRACK:
            self._track.ended = True
        elif kind == _PORT and content:
            self._port = content[0] & 0x7F
        elif kind == _TEMPO:
            microseconds = int.from_bytes(content[:3], "big") if len(content) >= 3 else 0
            if microseconds:
                self._track.tempos.append((tick, microseconds))
            else:
                self._findings.ignore("tempo changes without a tempo")

    def _exclude(self, status: int, content: bytes, tick: int) -> None:
        """Puts an exclusive message together, which may come in packets (F7) until one ends it."""
        if status == EXCLUSIVE:
            self._exclusive = bytearray()
        if self._exclusive is None:
            # An escape of its own: bytes for a cable, of which nobody knows what they meant there.
            self._findings.ignore("escaped bytes", len(content))
            return
        self._exclusive += content
        if self._exclusive.endswith(_END_OF_EXCLUSIVE):
            track = self._track
            track.ticks.append(tick)
            index = len(track.exclusives)
            track.messages.append(index << 32 | self._port << 24 | EXCLUSIVE << 16)
            track.exclusives.append(bytes(self._exclusive[:-1]))
            self._exclusive = None

    def _number(self, position: int) -> tuple[int, int]:
        """Reads a number of variable length; returns it and the index after it."""
        data, limit, number = self._data, self._limit, 0
        while position < limit:
            byte = data[position]
            position += 1
            # Masked: a number of any length stays one of four bytes.
            number = (number << 7 | byte & 0x7F) & _NUMBER_MASK
            if byte < 0x80:
                break
        return number, position
