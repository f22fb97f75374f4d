"""mt3synth: MIDI in, music out, in the sound of a performance you name."""

__version__ = "0.1.0"
