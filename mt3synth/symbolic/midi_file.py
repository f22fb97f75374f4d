"""The bytes of a Standard MIDI File: parsed, bounded, and searched for what a model cannot play.

note-seq reads any file it is given and says nothing of what it leaves out. Here a damaged or
absurd file is refused before it costs memory, and everything left out is counted.
"""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

from mt3synth.errors import UserError

MAX_BYTES = 8 * 2**20
MAX_NOTES = 200_000
MAX_SECONDS = 4 * 3600
MAX_TICKS = 20_000_000
"""note-seq makes a table of all ticks, which takes some 500 MB at this many."""

SUSTAIN_PEDAL = 64
DRUM_CHANNEL = 9

_CONTROLLERS = {
    0: "bank select",
    1: "modulation",
    2: "breath",
    5: "portamento time",
    6: "data entry",
    7: "volume",
    10: "pan",
    11: "expression",
    32: "bank select, fine",
    65: "portamento",
    66: "sostenuto pedal",
    67: "soft pedal",
    91: "reverb",
    93: "chorus",
    120: "all sound off",
    121: "reset all controllers",
    123: "all notes off",
}


class MidiError(UserError):
    """A MIDI file that cannot be read or written; the message says which and why."""


def parse_midi(data: bytes, name: str) -> Any:
    """Parses a file whose times are small enough to be worked with, as a ``mido.MidiFile``.

    Args:
      data: the file's bytes.
      name: what to call the file in messages.

    Raises:
      MidiError: not a MIDI file, cut short, damaged, of a kind without common time (format 2,
        SMPTE), or longer than 4 hours or ``MAX_TICKS``.
    """
    if data[:4] != b"MThd":
        raise MidiError(f"{name}: not a MIDI file (it does not begin with MThd)")
    import mido

    try:
        midi = mido.MidiFile(file=io.BytesIO(data))
    except EOFError as error:
        raise MidiError(f"{name}: the MIDI file is cut short") from error
    except Exception as error:  # mido raises whatever the damaged bytes lead it into
        raise MidiError(f"{name}: the MIDI file is damaged ({error!r})") from error
    midi.tracks = [track for track in midi.tracks if len(track)]
    if not midi.tracks:
        raise MidiError(f"{name}: the MIDI file has no tracks")
    if midi.type not in (0, 1):
        raise MidiError(f"{name}: MIDI format {midi.type}; only formats 0 and 1 can be read")
    if midi.ticks_per_beat <= 0:
        raise MidiError(f"{name}: its time counts in SMPTE frames; only beats can be read")
    _check_length(midi, name)
    return midi


def left_out(midi: Any) -> list[str]:
    """Lists what the file holds beyond notes and sustain pedal, one line a kind, with counts."""
    counts: Counter[str] = Counter()
    for index, track in enumerate(midi.tracks):
        for message in track:
            kind = _kind_left_out(message)
            if kind:
                counts[kind] += 1
            if message.type == "set_tempo" and index > 0:
                counts["tempo changes outside the first track"] += 1
    return [f"{kind}: {count} ignored" for kind, count in sorted(counts.items())]


def count_messages(midi: Any) -> tuple[int, int]:
    """Counts how many notes are struck and how often the sustain pedal moves."""
    notes = pedals = 0
    for track in midi.tracks:
        for message in track:
            notes += message.type == "note_on" and message.velocity > 0
            pedals += message.type == "control_change" and message.control == SUSTAIN_PEDAL
    return notes, pedals


def controller_name(number: int) -> str:
    """Names a MIDI controller for a message."""
    name = _CONTROLLERS.get(number)
    return f"controller {number}" + (f" ({name})" if name else "")


def _kind_left_out(message: Any) -> str | None:
    if message.type == "control_change" and message.control != SUSTAIN_PEDAL:
        return controller_name(message.control)
    if message.type == "program_change" and message.channel == DRUM_CHANNEL and message.program:
        return "changes of drum kit"
    return {
        "pitchwheel": "pitch bends",
        "aftertouch": "channel aftertouch",
        "polytouch": "key aftertouch",
        "sysex": "system exclusive messages",
    }.get(message.type)


def _check_length(midi: Any, name: str) -> None:
    """Refuses a file too long, by note-seq's clock: tempo from the first track only."""
    last_tick = max(sum(message.time for message in track) for track in midi.tracks)
    if last_tick > MAX_TICKS:
        raise MidiError(
            f"{name}: {last_tick} ticks long; at most {MAX_TICKS} (the file may be damaged)"
        )
    seconds, tempo, tick, changed = 0.0, 500_000, 0, 0
    for message in midi.tracks[0]:
        tick += message.time
        if message.type == "set_tempo":
            if message.tempo < 1:
                raise MidiError(f"{name}: a tempo of no length at tick {tick}")
            seconds += (tick - changed) * tempo * 1e-6 / midi.ticks_per_beat
            tempo, changed = message.tempo, tick
    seconds += (last_tick - changed) * tempo * 1e-6 / midi.ticks_per_beat
    if seconds > MAX_SECONDS:
        raise MidiError(f"{name}: {seconds:.0f} s long; at most {MAX_SECONDS} s")
