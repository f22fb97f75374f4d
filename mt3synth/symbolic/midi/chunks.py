"""The chunks of a Standard MIDI File: found, and read as far as they go.

A header may be preceded by bytes of mail and web servers, of a RIFF wrapper (.rmi) or of MacBinary;
it may count its tracks wrongly; a track's length may be wrong. The bytes ``MThd`` and ``MTrk`` say
more surely than any count where things begin.
"""

from __future__ import annotations

from dataclasses import dataclass

from mt3synth.symbolic.midi.errors import MidiError
from mt3synth.symbolic.midi.findings import Findings
from mt3synth.symbolic.midi.track import Track, read_track

_HEADER, _TRACK = b"MThd", b"MTrk"
_MAC_BINARY_BYTES = 128


@dataclass(frozen=True)
class MidiFile:
    """What a file holds, in ticks.

    Attributes:
      format: 0 one track; 1 tracks at the same time; 2 patterns, one after another.
      division: ticks a quarter if positive; else SMPTE time, as the header has it, signed.
      tracks: their messages.
    """

    format: int
    division: int
    tracks: list[Track]


def read_chunks(data: bytes, name: str, findings: Findings) -> MidiFile:
    """Reads the header and all tracks of a file's bytes.

    Args:
      data: the file's content.
      name: what to call the file in messages.
      findings: gets what had to be repaired.

    Raises:
      MidiError: there is no header, no resolution in it, or no track.
    """
    start = data.find(_HEADER)
    # Fourteen bytes are the least header there is.
    if start < 0 or len(data) < start + 14:
        raise MidiError(f"{name}: not a MIDI file (no header MThd in it)")
    if start and not _is_wrapped(data, start):
        findings.add("bytes before the header: {} skipped", start)
    if data[:4] == b"RIFF" and data[start - 8 : start - 4] == b"data":
        # What follows the MIDI file in a RIFF wrapper is not MIDI.
        data = data[: start + int.from_bytes(data[start - 4 : start], "little")]

    form = int.from_bytes(data[start + 8 : start + 10], "big")
    counted = int.from_bytes(data[start + 10 : start + 12], "big")
    division = int.from_bytes(data[start + 12 : start + 14], "big", signed=True)
    if division == 0 or (division < 0 and not division & 0xFF):
        raise MidiError(f"{name}: the header of the MIDI file gives no resolution in time")
    if form > 2:
        findings.add(f"formats that are unknown, {form}: {{}} read as format 1")
        form = 1
    size = int.from_bytes(data[start + 4 : start + 8], "big")
    # A header may be longer than today's; one whose size leads nowhere is taken to be of the usual.
    first = start + 8 + size
    if not (size >= 6 and _is_chunk(data, first)):
        first = start + 14
    tracks = _read_tracks(data, first, findings)
    if not tracks:
        raise MidiError(f"{name}: the MIDI file has no tracks")
    findings.add("tracks that the header does not count: {} read", max(len(tracks) - counted, 0))
    findings.add(
        "tracks that the header counts and the file lacks: {}", max(counted - len(tracks), 0)
    )
    if form == 2:
        findings.add("patterns (format 2): {} played one after another", len(tracks))
    return MidiFile(form, division, tracks)


def _read_tracks(data: bytes, position: int, findings: Findings) -> list[Track]:
    tracks = []
    while position < len(data):
        start = position + 8
        declared = start + int.from_bytes(data[position + 4 : start], "big")
        if data[position : position + 4] == _TRACK and start <= len(data):
            # A length is believed if the file ends or another chunk begins where it says.
            right = declared == len(data) or _is_chunk(data, declared)
            limit = declared if right else _find_track(data, start)
            # Its own end counts for more than the length that is declared.
            track = read_track(data, start, limit, findings)
            tracks.append(track)
            right = right or (track.ended and track.stop == declared)
            if not track.ended and limit == len(data) and (track.cut or not right):
                findings.add("the end of the file is cut off: {} track read as far as it goes")
            elif not right:
                findings.add("tracks of a wrong length: {} read up to their end")
            elif track.cut:
                findings.add("tracks that end within a message: {} read up to there")
            elif not track.ended:
                findings.add("tracks without an end-of-track message: {}")
            elif data[track.stop : declared].strip(b"\0"):
                findings.ignore("bytes after the end of a track", declared - track.stop)
            position = declared if right else _find_track(data, track.stop)
        elif data[position : position + 4] == _HEADER:
            findings.ignore("MIDI files after the first in one file", data.count(_HEADER, position))
            break
        else:
            # The specification asks readers to pass over chunks that they do not know.
            foreign = _is_chunk(data, position)
            if foreign:
                findings.add("foreign chunks: {} skipped")
            skipped = declared if foreign and _is_chunk(data, declared) else None
            found = _find_track(data, position + 1) if skipped is None else skipped
            if not foreign and data[position:found].strip(b"\0"):
                findings.add("bytes between or after tracks: {} skipped", found - position)
            position = found
    return tracks


def _find_track(data: bytes, position: int) -> int:
    found = data.find(_TRACK, position)
    return len(data) if found < 0 else found


def _is_chunk(data: bytes, position: int) -> bool:
    """Says whether a chunk may begin here: four letters and a length."""
    letters = data[position : position + 4]
    return len(data) >= position + 8 and letters.isalnum() and letters.isascii()


def _is_wrapped(data: bytes, start: int) -> bool:
    # MacBinary begins with a zero and the length of the file's name, at most 63.
    mac = start == _MAC_BINARY_BYTES and data[0] == 0 and 0 < data[1] < 64
    return mac or data[:4] == b"RIFF"
