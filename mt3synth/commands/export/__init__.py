"""`mt3synth export`: makes a bundle of a training run."""

from mt3synth.commands.export.command import HELP, add_arguments, main

__all__ = ["HELP", "add_arguments", "main"]
