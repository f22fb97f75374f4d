"""Make a data set to train on: of your own recordings, of a known data set, or rendered.

Each way has its own options: mt3synth prepare WAY --help.
"""

from __future__ import annotations

import argparse
import importlib

from mt3synth.commands.prepare import known_datasets

HELP = "make a data set, look into one, align or transcribe recordings"
WAYS = ("pairs", "corpus", "transcribe", "align", "check", "inspect", "tfds")
"""Modules of `mt3synth.commands.prepare`; the known data sets are ways, too."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A subcommand for each way."""
    ways = parser.add_subparsers(dest="way", required=True, metavar="WAY")
    for name in WAYS:
        module = importlib.import_module(f"mt3synth.commands.prepare.{name}")
        sub = ways.add_parser(
            name, help=module.HELP, description=module.__doc__, allow_abbrev=False
        )
        module.add_arguments(sub)
        sub.set_defaults(run_way=module.main, called=sub.prog)
    known_datasets.add_parsers(ways)


def main(args: argparse.Namespace) -> int:
    """Runs the way that was chosen."""
    return args.run_way(args)
