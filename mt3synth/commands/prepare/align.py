"""Align the MIDI of a score to a recording of it, so that the pair can be trained on.

Only times change: all notes follow one map from the score's seconds to the recording's. It prints
a confidence (0 by chance, 1 at best) and draws the path; a pair below the threshold is refused and
nothing is written. With --manifest every pair of the table is aligned into the folder --out, which
gets a manifest.csv for `mt3synth prepare pairs`; what is refused is listed with its reason in
rejected.csv, and the exit status is 3.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mt3synth.errors import UserError

HELP = "align score MIDI files to recordings"
BUILT, BUILT_WITH_REJECTIONS = 0, 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `mt3synth prepare align`."""
    parser.add_argument("--audio", metavar="RECORDING.wav", help="a recording")
    parser.add_argument("--midi", metavar="SCORE.mid", help="what is played in it")
    parser.add_argument("--manifest", metavar="CSV", help="instead: a table of pairs")
    parser.add_argument(
        "--out", required=True, metavar="OUT", help="MIDI file to write; with --manifest, a folder"
    )
    parser.add_argument(
        "--picture", metavar="PATH.png", help="of the path (default: beside OUT, .png)"
    )
    parser.add_argument(
        "--threshold", type=float, metavar="X", help="confidence to ask for, 0..1 (default 0.4)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")


def main(args: argparse.Namespace) -> int:
    """Aligns; 3 if a pair of the table was refused."""
    single = [name for name in ("audio", "midi", "picture") if getattr(args, name) is not None]
    if args.manifest is not None:
        if single:
            raise UserError(f"--{single[0]} is for one pair; leave it out with --manifest")
    elif args.audio is None or args.midi is None:
        raise UserError("give --audio and --midi, or --manifest")
    if args.threshold is not None and not 0 <= args.threshold <= 1:
        raise UserError(f"--threshold {args.threshold:g}; must be within 0..1")
    return _align_one(args) if args.manifest is None else _align_table(args)


def _align_one(args: argparse.Namespace) -> int:
    midi = Path(args.out)
    picture = Path(args.picture) if args.picture else midi.with_suffix(".png")
    _check_outputs(midi, picture, args.overwrite)

    from data_pipelines.alignment.align import THRESHOLD
    from data_pipelines.alignment.files import align_files
    from data_pipelines.filesystem import as_path
    from data_pipelines.recordings import AudioFile, MidiFile, Recording

    audio, score = AudioFile(as_path(args.audio)), MidiFile(as_path(args.midi))
    recording = Recording(id=args.audio, audio=audio, notes=score, performance="recording")
    threshold = THRESHOLD if args.threshold is None else args.threshold
    print(f"{midi}: {align_files(recording, midi, picture, threshold)}; path in {picture}")
    return BUILT


def _check_outputs(midi: Path, picture: Path, overwrite: bool) -> None:
    for path, suffixes in ((midi, (".mid", ".midi")), (picture, (".png",))):
        if path.suffix.lower() not in suffixes:
            raise UserError(f"{path}: suffix {path.suffix!r}; must be {' or '.join(suffixes)}")
        if not path.parent.is_dir():
            raise UserError(f"{path}: its folder does not exist")
        if path.exists() and not overwrite:
            raise UserError(f"{path} exists; give --overwrite to replace it, or another name")


def _align_table(args: argparse.Namespace) -> int:
    from data_pipelines.alignment.align import THRESHOLD
    from data_pipelines.alignment.files import MANIFEST_FILE, align_listing
    from data_pipelines.filesystem import as_path
    from data_pipelines.prepare.manifest import read_manifest
    from data_pipelines.prepare.tables import REJECTED_FILE

    out = Path(args.out)
    threshold = THRESHOLD if args.threshold is None else args.threshold
    listing = read_manifest(as_path(args.manifest))
    aligned = align_listing(listing, out, threshold, overwrite=args.overwrite)
    count = len(aligned.recordings) + len(aligned.rejections)
    print(f"{len(aligned.recordings)} of {count} pairs aligned: {out / MANIFEST_FILE}")
    if not aligned.rejections:
        return BUILT
    print(f"{len(aligned.rejections)} left out: {out / REJECTED_FILE}")
    return BUILT_WITH_REJECTIONS
