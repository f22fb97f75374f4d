"""`mt3synth export`: a training run as a bundle."""

from mt3synth.commands.export.command import HELP, add_arguments, main

__all__ = ["HELP", "add_arguments", "main"]
