"""MIDI messages to notes: the one place where a file's messages are understood."""

from __future__ import annotations

from array import array

import numpy as np

from mt3synth.symbolic.midi.channel import Channel
from mt3synth.symbolic.midi.chunks import MidiFile
from mt3synth.symbolic.midi.curves import ControllerCurves
from mt3synth.symbolic.midi.exclusive import Reset, Rhythm, understand
from mt3synth.symbolic.midi.findings import Findings
from mt3synth.symbolic.midi.key_tuning import (
    KeyTunings,
    Retuning,
    ScaleTuning,
    understand_tuning,
)
from mt3synth.symbolic.midi.keys import DROPPED, OPEN, Keys
from mt3synth.symbolic.midi.timeline import Timeline
from mt3synth.symbolic.midi.track import EXCLUSIVE
from mt3synth.symbolic.notes import Notes

_CHANNELS_OF_A_PORT = 16
_SHORTEST_SECONDS = 0.05  # of a note without a length: about the shortest heard as a tone
_DRUM_SECONDS = 0.1  # of a drum never released; drums end by themselves, so it matters little
# A note that is not released ends with its track, but a file may end hours after its music.
_LONGEST_WAIT = 10.0


class Interpreter:
    """Plays a file's messages and writes down the notes that sound.

    Args:
      file: what was read.
      findings: gets what is repaired and what is not heard.
      pedals: whether pedals hold notes.

    Attributes:
      notes: sorted, once played.
      channel: of each note, int32 ``[n]``.
      detune: of each note, cents by which its key is tuned from equal temperament, float32 ``[n]``.
    """

    def __init__(self, file: MidiFile, findings: Findings, pedals: bool) -> None:
        self._file, self._findings, self._pedals = file, findings, pedals
        self._timeline = Timeline(file)
        self._releases = self._timeline.releases()
        self._channels: dict[int, Channel] = {}
        self._tunings = KeyTunings()
        # Columns of plain numbers: a file may have hundreds of thousands of notes.
        self._start, self._end = array("d"), array("d")
        self._pitch, self._velocity, self._program = array("h"), array("b"), array("b")
        self._is_drum, self._number, self._track = array("b"), array("i"), array("i")
        self._detune = array("f")
        self._pitched_until = 0.0  # when a key or pedal last moved on other than drums
        self.notes, self.channel = Notes.empty(), np.zeros(0, np.int32)
        self.detune = np.zeros(0, np.float32)

    def play(self) -> None:
        """Plays all messages, then gives an end to the notes that have none."""
        now = 0.0
        timeline = self._timeline
        for now, track, message in timeline.messages():
            status, port = message >> 16 & 0xFF, message >> 24 & 0x7F
            # Before the channel is looked up: it counts for all channels of its port.
            if status == EXCLUSIVE:
                self._exclusive(self._file.tracks[track].exclusives[message >> 32], port, now)
                continue
            channel = self._channel(port * _CHANNELS_OF_A_PORT + (status & 0x0F))
            kind, first, second = status & 0xF0, message >> 8 & 0x7F, message & 0x7F
            if kind == 0x90 and second:
                self._strike(channel, first, second, now, track)
            # A strike without velocity lets go, as MIDI has it.
            elif kind <= 0x90:
                channel.keys.let_go(first, track, now)
            elif kind == 0xB0:
                channel.control(first, second, now)
            elif kind == 0xC0:
                channel.change_program(first)
            elif kind == 0xE0:
                channel.bend((second << 7 | first) - 8192, now)
            elif kind == 0xD0:
                channel.press(first, now)
            else:
                self._findings.ignore("key aftertouch")
            if (kind <= 0x90 or (kind == 0xB0 and first == 64)) and not channel.is_drum:
                self._pitched_until = now
        self._end_all(now, timeline.track_ends)
        self._write_down()

    def curves(self) -> dict[int, ControllerCurves]:
        """Returns the curves of each channel that has notes."""
        return {int(n): self._channels[int(n)].curves() for n in np.unique(self.channel)}

    def _channel(self, number: int) -> Channel:
        channel = self._channels.get(number)
        if channel is None:
            keys = Keys(self._start, self._end, self._releases.get(number, ()))
            channel = Channel(number, keys, self._findings, self._tunings, self._pedals)
            self._channels[number] = channel
        return channel

    def _exclusive(self, content: bytes, port: int, now: float) -> None:
        """Takes a system exclusive message, which counts for all channels of a port."""
        change = understand(content) or understand_tuning(content)
        first = port * _CHANNELS_OF_A_PORT
        if isinstance(change, Reset):
            for number in range(first, first + _CHANNELS_OF_A_PORT):
                self._channel(number).reset(change.system, now)
        elif isinstance(change, Rhythm):
            self._channel(first + change.part).set_rhythm(change.is_drum)
        elif isinstance(change, Retuning):
            self._tunings.retune(change)
        elif isinstance(change, ScaleTuning):
            for number in change.channels:
                self._channel(first + number).tuning = change.cents
            self._findings.put_beside("tunings of keys")
        else:
            self._findings.ignore("system exclusive messages")

    def _strike(self, channel: Channel, key: int, velocity: int, now: float, track: int) -> None:
        note = len(self._start)
        self._start.append(now)
        self._end.append(OPEN)
        # Drums keep their keys: they name instruments.
        self._pitch.append(key if channel.is_drum else key + channel.transposed)
        self._detune.append(channel.detune(key))
        self._velocity.append(velocity)
        # That in force now: a later change is for later notes.
        self._program.append(0 if channel.is_drum else channel.program)
        self._is_drum.append(channel.is_drum)
        self._number.append(channel.number)
        self._track.append(track)
        channel.keys.strike(key, track, note)

    def _end_all(self, now: float, track_ends: list[float]) -> None:
        """Ends the notes that pedals still hold, and those that were never released."""
        for channel in self._channels.values():
            for notes in channel.keys.finish(self._pitched_until):
                # The next strike of a key ends its note; the last one lasts as long as its track.
                last = min(track_ends[self._track[notes[-1]]], now + _LONGEST_WAIT)
                for note, end in zip(notes, [*(self._start[n] for n in notes[1:]), last]):
                    # A drum's end is heard by nobody, and its track's may be hours away.
                    drum_end = self._start[note] + _DRUM_SECONDS
                    self._end[note] = drum_end if self._is_drum[note] else end
                self._findings.add("notes never released: {} given an end", len(notes))

    def _write_down(self) -> None:
        start, end, pitch = np.array(self._start), np.array(self._end), np.array(self._pitch)
        dropped, beyond = end == DROPPED, (pitch < 0) | (pitch > 127)
        self._findings.ignore("notes struck twice at once under the pedal", int(dropped.sum()))
        self._findings.ignore("notes that coarse tuning moves beyond the keys", int(beyond.sum()))
        short = ~dropped & (end <= start)
        self._findings.add(
            f"notes without a length: {{}} made {_SHORTEST_SECONDS} s long", int(short.sum())
        )
        end = np.where(short, start + _SHORTEST_SECONDS, end)
        # At the end and not as they come: positions of notes are their numbers until then.
        kept = np.flatnonzero(~(dropped | beyond))
        columns = (start, end, pitch, self._velocity, self._program, self._is_drum)
        notes = Notes(*(np.asarray(column)[kept] for column in columns))
        order = notes.order()
        self.notes = notes.select(order)
        self.channel = np.array(self._number, np.int32)[kept][order]
        self.detune = np.array(self._detune, np.float32)[kept][order]
