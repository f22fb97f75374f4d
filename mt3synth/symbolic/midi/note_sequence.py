"""Notes to and from note-seq's NoteSequence, and through it to MIDI files."""

from __future__ import annotations

import io
import warnings
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mt3synth.symbolic.midi.channel import Channel
from mt3synth.symbolic.midi.curves import ControllerCurves
from mt3synth.symbolic.midi.errors import MidiError
from mt3synth.symbolic.midi.findings import Findings
from mt3synth.symbolic.midi.key_tuning import KeyTunings
from mt3synth.symbolic.midi.keys import Keys
from mt3synth.symbolic.midi.song import MidiSong
from mt3synth.symbolic.notes import Notes

if TYPE_CHECKING:
    import note_seq
    import pretty_midi

    SongInMemory: TypeAlias = pretty_midi.PrettyMIDI | note_seq.NoteSequence
else:
    # Both take a second to import, which only those pay who have such an object already.
    SongInMemory = Any

_TICKS_PER_QUARTER = 500  # at 120 quarters a minute a tick is 1 ms, so the 10 ms grid is exact
_TICK_SECONDS = 1e-3
_SUSTAIN_PEDAL = 64
# What curves hold, or needs no more than a channel's state. Programs and banks are those of the
# instrument, and of the pedals note-seq applies one.
_OF_CURVES = (1, 6, 7, 10, 11, 38, 67, 98, 99, 100, 101, 121)


def read_sequence(song: SongInMemory) -> MidiSong:
    """Reads a song that is in memory: the notes, lengthened by the sustain pedal, and controllers.

    A ``pretty_midi.PrettyMIDI`` gives what `read_song` reads of its file; channels are the numbers
    of its instruments.

    Args:
      song: a ``pretty_midi.PrettyMIDI`` or a ``note_seq.NoteSequence``; is left as it is.

    Raises:
      MidiError: it is neither of the two, cannot be read, or has no notes.
    """
    note_seq = import_note_seq()
    import pretty_midi

    kind = type(song).__name__
    if not isinstance(song, (note_seq.NoteSequence, pretty_midi.PrettyMIDI)):
        raise MidiError(
            f"a score of type {kind}; give the path of a MIDI file, a pretty_midi.PrettyMIDI, "
            "a note_seq.NoteSequence or mt3synth's Notes"
        )
    try:
        is_midi = isinstance(song, pretty_midi.PrettyMIDI)
        sequence = note_seq.midi_to_note_sequence(song) if is_midi else song
        notes, instrument = _read_rows(note_seq.apply_sustain_control_changes(sequence))
        findings = Findings()
        curves = {n: _read_curves(sequence, n, findings) for n in np.unique(instrument).tolist()}
    except Exception as error:  # they raise whatever the odd values lead them into
        raise MidiError(f"the {kind} cannot be read ({error!r})") from error
    if not len(notes):
        raise MidiError(f"the {kind} has no notes")
    tuned = np.zeros(len(notes), np.float32)
    lines, beside = findings.lines(), findings.lines_beside()
    return MidiSong(notes, instrument, tuned, curves, lines, beside)


def _read_curves(sequence: Any, instrument: int, findings: Findings) -> ControllerCurves:
    """Plays the controllers of one instrument as those of a channel."""
    channel = Channel(instrument, Keys(array("d"), array("d")), findings, KeyTunings())
    changes = [c for c in sequence.control_changes if c.instrument == instrument]
    bends = [b for b in sequence.pitch_bends if b.instrument == instrument]
    for change in sorted([*changes, *bends], key=lambda each: each.time):
        number = getattr(change, "control_number", None)
        if number is None:
            channel.bend(change.bend, change.time)
        elif number in _OF_CURVES:
            channel.control(number, change.control_value, change.time)
        elif number != _SUSTAIN_PEDAL:
            findings.ignore_controller(number)
    if channel.transposed:
        findings.ignore("coarse tunings")
    return channel.curves()


def write_midi(notes: Notes, path: str | Path) -> None:
    """Writes a Standard MIDI File, one track for each program and one for drums.

    Times are rounded to 1 ms; a note is at least that long. A track cannot hold two notes that
    overlap on one key: the first offset ends both.

    Raises:
      MidiError: the file cannot be written.
    """
    sequence = sequence_from_notes(notes)
    note_seq = import_note_seq()
    buffer = io.BytesIO()
    note_seq.note_sequence_to_pretty_midi(sequence).write(buffer)
    try:
        Path(path).write_bytes(buffer.getvalue())
    except OSError as error:
        raise MidiError(f"{path}: cannot be written ({error.strerror or error})") from error


def notes_from_sequence(note_sequence: Any) -> Notes:
    """Reads a ``note_seq.NoteSequence`` as it stands, sorted; its pedal is not applied.

    Notes of velocity 0 are silent by MIDI's convention and are left out; drums get program 0.

    Raises:
      ValueError: a value outside what ``Notes`` allows.
    """
    return _read_rows(note_sequence)[0]


def _read_rows(note_sequence: Any) -> tuple[Notes, np.ndarray]:
    """Reads the notes, sorted, and the number of each one's instrument, int32 ``[n]``."""
    # Velocity 0 is a release in MIDI, and no note.
    heard = [n for n in note_sequence.notes if n.velocity]
    rows = [
        (n.start_time, n.end_time, n.pitch, n.velocity, 0 if n.is_drum else n.program, n.is_drum)
        for n in heard
    ]
    notes = Notes(*(np.array(column) for column in zip(*rows))) if rows else Notes.empty()
    order = notes.order()
    return notes.select(order), np.array([n.instrument for n in heard], np.int32)[order]


def parse_note_sequence(serialized: bytes) -> Any:
    """Parses a serialized ``note_seq.NoteSequence``.

    Raises:
      ValueError: the bytes are none.
    """
    from google.protobuf.message import DecodeError

    try:
        return import_note_seq().NoteSequence.FromString(serialized)
    except DecodeError as error:
        raise ValueError(f"no NoteSequence ({error})") from error


def sequence_from_notes(notes: Notes) -> Any:
    """Makes a ``note_seq.NoteSequence`` at 120 quarters a minute, one instrument a program."""
    note_seq = import_note_seq()
    notes = notes.sorted()
    sequence = note_seq.NoteSequence(ticks_per_quarter=_TICKS_PER_QUARTER)
    # Times are seconds already: any tempo would do, and this one has ticks of a millisecond.
    sequence.tempos.add(qpm=120)
    sequence.time_signatures.add(numerator=4, denominator=4)
    parts = sorted({(bool(d), int(p)) for d, p in zip(notes.is_drum, notes.program)})
    instrument = {part: index for index, part in enumerate(parts)}
    for row in range(len(notes)):
        is_drum, program = bool(notes.is_drum[row]), int(notes.program[row])
        start = float(notes.start[row])
        sequence.notes.add(
            start_time=start,
            end_time=max(float(notes.end[row]), start + _TICK_SECONDS),
            pitch=int(notes.pitch[row]),
            velocity=int(notes.velocity[row]),
            program=program,
            is_drum=is_drum,
            instrument=instrument[is_drum, program],
        )
    sequence.total_time = max((note.end_time for note in sequence.notes), default=0.0)
    return sequence


def import_note_seq() -> Any:
    """Imports ``note_seq``, which takes over a second, without its warnings."""
    with warnings.catch_warnings():
        # Its audio helper warns that ffmpeg is missing; no audio passes through it here.
        warnings.simplefilter("ignore")
        import note_seq
    return note_seq
