"""Align the MIDI of a score to a recording of it, so that the pair can be trained on.

Only times change: notes follow one map from the score's seconds to the recording's, from which
instruments come apart and chords spread as they are heard to. It prints a confidence (0 by chance,
1 at best), says where score and recording differ in form, and draws the path; a pair below the
threshold is refused and nothing is written. With --manifest every pair of the table is aligned into
the folder --out, which gets a manifest.csv for `mt3synth prepare pairs`; what is refused is listed
with its reason in rejected.csv, and the exit status is 3.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mt3synth.commands.prepare.options import (
    DONE,
    add_pair_arguments,
    check_pair_arguments,
    close,
    read_pairs,
)
from mt3synth.errors import UserError

HELP = "align score MIDI files to recordings"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `mt3synth prepare align`."""
    add = parser.add_argument
    add_pair_arguments(parser)
    add("--out", required=True, metavar="OUT", help="MIDI file to write; with --manifest, a folder")
    add("--picture", metavar="PATH.png", help="of the path (default: beside OUT, .png)")
    add("--threshold", type=float, metavar="X", help="confidence to ask for, 0..1 (default 0.4)")
    add(
        "--structure",
        choices=("written", "auto"),
        default="written",
        help="written: the recording may only begin and end elsewhere than the score (default); "
        "auto: repeats, cuts and skips are found, and the MIDI is written out as it is played",
    )
    add("--overwrite", action="store_true", help="replace files that exist")


def main(args: argparse.Namespace) -> int:
    """Aligns; 3 if a pair of the table was refused."""
    check_pair_arguments(args, "picture")
    if args.threshold is not None and not 0 <= args.threshold <= 1:
        raise UserError(f"--threshold {args.threshold:g}; must be within 0..1")
    out = Path(args.out)
    picture = Path(args.picture) if args.picture else out.with_suffix(".png")
    if args.manifest is None:
        _check_outputs(out, picture, args.overwrite)

    from data_pipelines.alignment.align import THRESHOLD
    from data_pipelines.alignment.files import align_files, align_listing
    from data_pipelines.prepare.manifest import MANIFEST_FILE

    jumps = args.structure == "auto"
    threshold = THRESHOLD if args.threshold is None else args.threshold
    listing = read_pairs(args)
    if args.manifest is None:
        (pair,) = listing.recordings
        print(f"{out}: {align_files(pair, out, picture, threshold, jumps)}; path in {picture}")
        return DONE
    how = {"jumps": jumps, "overwrite": args.overwrite}
    aligned = align_listing(listing, out, threshold, **how)
    count = len(aligned.recordings) + len(aligned.rejections)
    print(f"{len(aligned.recordings)} of {count} pairs aligned: {out / MANIFEST_FILE}")
    return close(aligned.rejections, out)


def _check_outputs(midi: Path, picture: Path, overwrite: bool) -> None:
    for path, suffixes in ((midi, (".mid", ".midi")), (picture, (".png",))):
        if path.suffix.lower() not in suffixes:
            raise UserError(f"{path}: suffix {path.suffix!r}; must be {' or '.join(suffixes)}")
        if not path.parent.is_dir():
            raise UserError(f"{path}: its folder does not exist")
        if path.exists() and not overwrite:
            raise UserError(f"{path} exists; give --overwrite to replace it, or another name")
