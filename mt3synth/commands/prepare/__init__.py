"""`mt3synth prepare`: a module for each of its subcommands, imported when it is called."""

from mt3synth.commands.prepare.command import HELP, add_arguments

__all__ = ["HELP", "add_arguments"]
