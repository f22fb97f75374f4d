"""Make a data set to train on: of your own recordings, of a known data set, or rendered.

Each subcommand has its own options: mt3synth prepare SUBCOMMAND --help.
"""

from __future__ import annotations

import argparse
import importlib
from typing import NoReturn

from mt3synth.commands.prepare import known_datasets
from mt3synth.commands.shared.subcommands import add_subcommand
from mt3synth.errors import UserError

HELP = "make a data set, look into one, align or transcribe recordings"
SUBCOMMANDS = ("pairs", "corpus", "replay", "transcribe", "align", "check", "inspect", "tfds")
"""Modules of `mt3synth.commands.prepare`; each known data set is a subcommand, too."""

_RENAMED = {"ancestor": "mt3-tfrecords"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the subcommands with their options."""
    subcommands = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND")
    for name in SUBCOMMANDS:
        module = importlib.import_module(f"mt3synth.commands.prepare.{name}")
        add_subcommand(subcommands, name, module)
    known_datasets.add_parsers(subcommands)
    for name in _RENAMED:  # neither in the help nor a way to anything
        subcommands.choices[name] = _RenamedParser(name)


class _RenamedParser(argparse.ArgumentParser):
    """Answers an old name with the new one, whatever comes after it."""

    def __init__(self, name: str) -> None:
        super().__init__(prog=name)

    def parse_known_args(self, *_: object) -> NoReturn:  # type: ignore[override]
        """Raises UserError."""
        new = _RENAMED[self.prog]
        raise UserError(f"`mt3synth prepare {self.prog}` is now `mt3synth prepare {new}`")
