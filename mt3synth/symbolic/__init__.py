"""Scores: notes, MIDI files, event tokens and piano rolls, in NumPy."""

from mt3synth.symbolic.codec import EOS, PAD, EventCodec
from mt3synth.symbolic.detokenizer import decode
from mt3synth.symbolic.groups import DEFAULT_GROUPS, InstrumentGroup
from mt3synth.symbolic.midi import (
    MidiError,
    notes_from_sequence,
    read_midi,
    read_sequence,
    sequence_from_notes,
    write_midi,
)
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.programs import PROGRAMS
from mt3synth.symbolic.roll import RollSpec, SongRoll, channel_names, piano_roll, substitutions
from mt3synth.symbolic.tokenizer import (
    SegmentTokens,
    SongTokens,
    encode_segment,
    encode_song,
    pad_segment,
    truncate_segment,
)

__all__ = [
    "DEFAULT_GROUPS",
    "EOS",
    "PAD",
    "PROGRAMS",
    "EventCodec",
    "InstrumentGroup",
    "MidiError",
    "Notes",
    "RollSpec",
    "SegmentTokens",
    "SongRoll",
    "SongTokens",
    "channel_names",
    "decode",
    "encode_segment",
    "encode_song",
    "notes_from_sequence",
    "pad_segment",
    "piano_roll",
    "read_midi",
    "read_sequence",
    "sequence_from_notes",
    "substitutions",
    "truncate_segment",
    "write_midi",
]
