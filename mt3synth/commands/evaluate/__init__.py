"""`mt3synth evaluate`: of files, or of a bundle."""

from mt3synth.commands.evaluate.command import HELP, add_arguments, main

__all__ = ["HELP", "add_arguments", "main"]
