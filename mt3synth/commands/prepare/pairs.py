"""Make a data set of your own recordings, each with a MIDI file of what is played.

The manifest is a CSV file with the columns audio,midi,performance and, if you like,
description,split,start,end; paths are relative to its folder. A performance is a name for these
players, this room and this microphone. What cannot be used is listed with its reason in
DIR/rejected.csv, and the exit status is 3. Run it again after an interruption, or with more rows.
"""

from __future__ import annotations

import argparse

from mt3synth.commands.prepare.options import add_build_arguments, build_listing

HELP = "your own recordings with their MIDI files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the manifest, and what all builds take."""
    parser.add_argument("--manifest", required=True, metavar="CSV", help="the table of pairs")
    add_build_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Builds the data set."""
    from data_pipelines.filesystem import as_path
    from data_pipelines.prepare.manifest import read_manifest

    listing = read_manifest(as_path(args.manifest))
    return build_listing(args, listing, {"what": "own recordings", "licence": "not recorded"})
