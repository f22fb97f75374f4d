"""`mt3synth synthesize`: renders MIDI files to audio files."""

from mt3synth.commands.synthesize.command import HELP, add_arguments, main

__all__ = ["HELP", "add_arguments", "main"]
