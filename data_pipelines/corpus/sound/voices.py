"""Gives notes that bend or swell MIDI channels of their own, and the messages that move them."""

from __future__ import annotations

import numpy as np

from mt3synth.symbolic.notes import Notes
from mt3synth.types import FloatND, Int

Event = tuple[int, int, bytes]
"""When, in ticks; what goes first at one time; and the message."""

DRUM_CHANNEL = 9
CHANNELS = tuple(c for c in range(16) if c != DRUM_CHANNEL)

BEND_SEMITONES = 2.0
"""How far a wheel reaches that is told nothing else."""

MOST_GAIN = (127 / 100) ** 2
"""Amplitude at full volume and expression, beside that of a channel that is told nothing."""

_TAIL_S = 0.4  # for which a channel is left alone after its note, if there are others
_STEP_S = 0.005  # between two messages
_VOLUME, _EXPRESSION = 7, 11


def assign_channels(notes: Notes) -> Int[np.ndarray, " n"]:
    """Assigns each note its channel, int64; -1 to notes for which there is none.

    Notes without curves share one channel a program. A note with a curve has a channel alone while
    it sounds, for what a channel is told moves all of its notes.

    Raises:
      ValueError: more programs than channels.
    """
    programs = sorted({int(p) for p in notes.program[~notes.is_drum]})
    if len(programs) > len(CHANNELS):
        raise ValueError(f"{len(programs)} programs; MIDI has {len(CHANNELS)} pitched channels")
    of_program = dict(zip(programs, CHANNELS))
    channel = np.array([of_program.get(int(p), 0) for p in notes.program], np.int64)
    channel[notes.is_drum] = DRUM_CHANNEL
    curved = curved_notes(notes)
    free = dict.fromkeys(CHANNELS[len(programs) :], -np.inf)
    for i in curved[np.argsort(notes.start[curved], kind="stable")]:
        # The one that has been silent for longest, so that what rings on is left alone.
        voice = min(free, key=lambda c: free[c], default=-1)
        if voice < 0 or free[voice] > notes.start[i]:
            channel[i] = -1
        else:
            channel[i], free[voice] = voice, float(notes.end[i])
    return channel


def curved_notes(notes: Notes) -> Int[np.ndarray, " c"]:
    """Lists the notes that have a curve; drums have none."""
    if notes.curves is None:
        return np.zeros(0, np.int64)
    return np.flatnonzero(~notes.curves.plain & ~notes.is_drum)


def move_channels(notes: Notes, channel: Int[np.ndarray, " n"], ticks: int) -> list[Event]:
    """Writes the programs, wheels, volumes and expressions of notes with curves.

    Args:
      notes: the song.
      channel: of each note.
      ticks: in a second.
    """
    events: list[Event] = []
    for i in curved_notes(notes):
        curves, c = notes.curves, int(channel[i])
        assert curves is not None  # or no note would be listed
        length = float(notes.end[i] - notes.start[i])
        at = np.append(np.arange(0.0, length, _STEP_S), length)
        semitones, gain = curves.at(int(i), at)
        wheel = np.clip(np.rint(8192 * semitones / BEND_SEMITONES), -8192, 8191).astype(int) + 8192
        volume, expression = _levels(gain)
        first = round(float(notes.start[i]) * ticks)
        events.append((first, 0, bytes([0xC0 | c, int(notes.program[i])])))
        events.append((first, 0, bytes([0xB0 | c, _VOLUME, volume])))
        for values, make in (
            (wheel, lambda v, c=c: bytes([0xE0 | c, v & 0x7F, v >> 7])),
            (expression, lambda v, c=c: bytes([0xB0 | c, _EXPRESSION, v])),
        ):
            changed = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
            events += [
                (first + round(float(at[j]) * ticks), 0 if j == 0 else 1, make(int(values[j])))
                for j in changed
            ]
    return events


def _levels(gain: FloatND) -> tuple[int, Int[np.ndarray, " s"]]:
    """Returns the volume, and the expression at each time, by which the amplitude is ``gain``.

    Either goes by the square of its value, as `mt3synth.symbolic.midi` has it.
    """
    # As low as it may be, so that the expression has its many steps where it is soft, too.
    volume = int(np.clip(np.ceil(100 * np.sqrt(gain.max())), 1, 127))
    expression = np.rint(127 * np.sqrt(gain) / (volume / 100))
    return volume, np.clip(expression, 0, 127).astype(np.int64)
