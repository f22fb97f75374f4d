"""Reads a MIDI file as a synthesizer would play it."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import numpy as np

from mt3synth.symbolic.midi.chunks import read_chunks
from mt3synth.symbolic.midi.curves import DEFAULTS, ControllerCurves, Curve
from mt3synth.symbolic.midi.errors import MidiError
from mt3synth.symbolic.midi.findings import Findings
from mt3synth.symbolic.midi.interpreter import Interpreter
from mt3synth.symbolic.midi.source import Source, read_source
from mt3synth.symbolic.notes import Notes

MAX_NOTES = 200_000
MAX_SECONDS = 4 * 3600
"""Where the last note may end; what a file does after it costs nothing."""


@dataclass(frozen=True, eq=False)
class MidiSong:
    """What a MIDI file says.

        song = read_song("song.mid")
        first = song.curves[int(song.channel[0])]
        first.level_db(song.notes.start[0]), first.cents(song.notes.start[0])

    Attributes:
      notes: sorted.
      channel: of each note, int32 ``[n]``: 0..15, and 16 more for each further port.
      detune: of each note, float32 ``[n]``: how far its key is tuned from equal temperament by the
        MIDI Tuning Standard, in cents.
      curves: the controllers of each channel that has notes.
      reports: one line for each kind of thing that was repaired or that stands in none of these.
      beside: one line for each kind of thing that stands in detune or curves, and so is ignored by
        whoever takes the notes alone.
    """

    notes: Notes
    channel: np.ndarray
    detune: np.ndarray
    curves: dict[int, ControllerCurves]
    reports: list[str]
    beside: list[str]

    @staticmethod
    def of_notes(notes: Notes) -> MidiSong:
        """Makes a song of notes alone: all on one channel, whose controllers rest."""
        count = len(notes)
        curves = ControllerCurves(**{n: Curve.constant(v) for n, v in DEFAULTS.items()})
        channel, detune = np.zeros(count, np.int32), np.zeros(count, np.float32)
        return MidiSong(notes.sorted(), channel, detune, {0: curves}, [], [])


def read_song(source: Source, sustain: bool = True) -> MidiSong:
    """Reads notes, controllers and what is wrong with a MIDI file.

    Args:
      source: a path (``.mid``, ``.kar``, ``.rmi``, gzipped or not), ``-`` for standard input, the
        file's bytes, or an open binary file.
      sustain: whether pedals hold notes; without them notes end where keys are let go.

    Raises:
      MidiError: the source is missing, unreadable, not MIDI, without notes, or over 8 MiB, 4 hours
        or 200 000 notes.
    """
    data, name = read_source(source)
    findings = Findings()
    file = read_chunks(data, name, findings)
    # Counted before anything is played, so that a file of millions of notes costs nothing.
    struck = sum(_count_strikes(track.messages) for track in file.tracks)
    if not struck:
        damage = f" ({'; '.join(findings.lines())})" if findings.lines() else ""
        raise MidiError(f"{name}: the MIDI file has no notes{damage}")
    if struck > MAX_NOTES:
        raise MidiError(f"{name}: {struck} notes; at most {MAX_NOTES} can be read")
    played = Interpreter(file, findings, sustain)
    played.play()
    if not len(played.notes):
        raise MidiError(f"{name}: the MIDI file has no notes within keys 0 to 127")
    if played.notes.end_time > MAX_SECONDS:
        raise MidiError(f"{name}: {played.notes.end_time:.0f} s long; at most {MAX_SECONDS} s")
    return MidiSong(
        played.notes,
        played.channel,
        played.detune,
        played.curves(),
        findings.lines(),
        findings.lines_beside(),
    )


def read_midi(source: Source, sustain: bool = True) -> tuple[Notes, list[str]]:
    """Reads the notes of a MIDI file, lengthened by its pedals, as a synthesizer would play them.

    Args:
      source: a path (``.mid``, ``.kar``, ``.rmi``, gzipped or not), ``-`` for standard input, the
        file's bytes, or an open binary file.
      sustain: whether pedals hold notes; without them notes end where keys are let go.

    Returns:
      The notes, sorted, and one line for each kind of thing that was repaired or that they do not
      hold: volume and expression, pitch bends, aftertouch. `read_song` gives the controllers, too.

    Raises:
      MidiError: the source is missing, unreadable, not MIDI, without notes, or over 8 MiB, 4 hours
        or 200 000 notes.
    """
    song = read_song(source, sustain)
    return song.notes, sorted(song.reports + song.beside)


def _count_strikes(messages: array[int]) -> int:
    values = np.frombuffer(messages, np.uint64)
    return int(np.sum(((values >> 20 & 0xF) == 9) & ((values & 0x7F) > 0)))
