"""Look into a data set: hours, songs, notes, instruments, performances, and examples to hear.

Figures go to the terminal; a folder gets them as a page with pictures, index.html. Without
--example the page has one song of each performance. An example is the recording, its notes as MIDI,
a picture of the mel frames with the notes over them, and a stereo file, left the recording and
right the notes as plain tones, in which one can hear whether the two match.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from mt3synth.errors import UserError

HELP = "look into a data set: figures, pictures, examples to hear"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `mt3synth prepare inspect`."""
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="folder of the data set")
    add("--split", metavar="S", help="look at this one only")
    which = "id of a song, or its number from 0; may be repeated"
    add("--example", action="append", default=[], metavar="SONG", help=which)
    add("--start", type=float, metavar="S", help="of examples (default: before the first note)")
    add("--end", type=float, metavar="S", help="of examples (default: 30 s later)")
    most = "examples at most without --example (default: %(default)s)"
    add("--most", type=int, default=12, metavar="N", help=most)
    add("--out", type=Path, metavar="REPORT", help="folder of the report (default: DIR-inspection)")


def main(args: argparse.Namespace) -> int:
    """Prints the figures and writes the report."""
    if args.start is not None and not args.start >= 0:
        raise UserError(f"--start {args.start:g} s; must be at least 0 s")
    if args.end is not None and not args.end > (args.start or 0):
        raise UserError(f"--end {args.end:g} s; must be after --start, {args.start or 0:g} s")
    if args.most < 0:
        raise UserError(f"--most {args.most}; must be at least 0")
    from tqdm import tqdm

    from data_pipelines.inspection.inspect import ExampleOptions, inspect
    from mt3synth.reporting.tables import as_text

    folder = args.folder.resolve()
    out = args.out or folder.with_name(f"{folder.name}-inspection")
    wanted = ExampleOptions(tuple(args.example), args.most, args.start, args.end)
    progress = partial(tqdm, unit=" songs", disable=not sys.stderr.isatty(), leave=False)
    found = inspect(args.folder, out, wanted, args.split, progress)
    print(as_text(found.tables))
    for remark in found.remarks:
        print(f"\n{remark}")
    print(f"\n{len(found.examples)} examples: {found.page}")
    return 0
