"""MIDI files written byte by byte, so that they can be wrong in any way."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from mt3synth.symbolic.midi import MidiSong

REAL_INPUTS = Path(__file__).parent / "real_inputs"
END = b"\x00\xff\x2f\x00"


def number(value: int) -> bytes:
    """A number of variable length."""
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(value & 0x7F | 0x80)
    return bytes(reversed(parts))


def event(*content: int, after: int = 0) -> bytes:
    """A message ``after`` so many ticks."""
    return number(after) + bytes(content)


def tone(key: int = 60, ticks: int = 480, channel: int = 0, velocity: int = 80) -> bytes:
    """A note, at once, that lasts ``ticks``."""
    return event(0x90 | channel, key, velocity) + event(0x80 | channel, key, 0, after=ticks)


def control(number: int, value: int, after: int = 0, channel: int = 0) -> bytes:
    """A controller's change."""
    return event(0xB0 | channel, number, value, after=after)


def wheel(value: int, after: int = 0, channel: int = 0) -> bytes:
    """The pitch wheel's change, from -8192 to 8191."""
    return event(0xE0 | channel, value + 8192 & 0x7F, value + 8192 >> 7, after=after)


def exclusive(content: str, after: int = 0) -> bytes:
    """A system exclusive message of bytes in hexadecimal, without F0 and F7."""
    data = bytes.fromhex(content) + b"\xf7"
    return number(after) + b"\xf0" + number(len(data)) + data


def tempo(microseconds: int, after: int = 0) -> bytes:
    """A tempo change."""
    return number(after) + b"\xff\x51\x03" + microseconds.to_bytes(3, "big")


def chunk(content: bytes, letters: bytes = b"MTrk", size: int | None = None) -> bytes:
    """A chunk, of a length that may be wrong."""
    return letters + (len(content) if size is None else size).to_bytes(4, "big") + content


def header(form: int = 1, tracks: int = 1, division: int = 480) -> bytes:
    """A header chunk."""
    fields = (form, tracks, division & 0xFFFF)
    return chunk(b"".join(field.to_bytes(2, "big") for field in fields), b"MThd")


def midi(*tracks: bytes, form: int = 1, division: int = 480) -> bytes:
    """A whole file; each track gets its end."""
    chunks = [chunk(track + END) for track in tracks]
    return header(form, len(tracks), division) + b"".join(chunks)


def through_music21(data: bytes | str, form: str) -> bytes:
    """The MIDI that music21 writes of what it reads of a file; it raises anything at all."""
    import music21

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parser = music21.converter.Converter()
        parser.parseData(data, format=form)
        return music21.midi.translate.streamToMidiFile(parser.stream).writestr()


def mismatches(song: MidiSong, expected: dict[str, Any]) -> list[str]:
    """Lists in what a file of `REAL_INPUTS` is not read as its entry in expected.json says."""
    notes = song.notes
    found = {
        "notes": len(notes),
        "drums": int(notes.is_drum.sum()),
        "programs": sorted(set(notes.program[~notes.is_drum].tolist())),
        "lowest": int(notes.pitch.min()),
    }
    wrong = [
        f"{name} {value}" for name, value in found.items() if expected.get(name, value) != value
    ]
    if len(notes) < expected.get("least_notes", 1):
        wrong.append(f"{len(notes)} notes")
    if abs(notes.end_time - expected.get("end", notes.end_time)) > 0.06:
        wrong.append(f"ends at {notes.end_time:.2f} s")
    if notes.end[:4].max() > expected.get("first_four_end_by", np.inf):
        wrong.append(f"the first four end at {notes.end[:4].max():.2f} s")
    if not any(expected.get("report", "") in line for line in [*song.reports, ""]):
        wrong.append(f"nothing said of {expected['report']!r}")
    return wrong
