"""MIDI files to notes and back, read as players read them; ``docs/midi.md`` has every message."""

from mt3synth.symbolic.midi.curves import ControllerCurves, Curve
from mt3synth.symbolic.midi.errors import MidiError
from mt3synth.symbolic.midi.note_sequence import (
    SongInMemory,
    import_note_seq,
    notes_from_sequence,
    parse_note_sequence,
    read_sequence,
    sequence_from_notes,
    write_midi,
)
from mt3synth.symbolic.midi.song import MidiSong, read_midi, read_song
from mt3synth.symbolic.midi.source import Readable, Source, read_source

__all__ = [
    "ControllerCurves",
    "Curve",
    "MidiError",
    "MidiSong",
    "Readable",
    "SongInMemory",
    "Source",
    "import_note_seq",
    "notes_from_sequence",
    "parse_note_sequence",
    "read_midi",
    "read_sequence",
    "read_song",
    "read_source",
    "sequence_from_notes",
    "write_midi",
]
