"""The error of everything that reads or writes MIDI files."""

from mt3synth.errors import UserError


class MidiError(UserError):
    """A MIDI file that cannot be read or written; the message says which and why."""
