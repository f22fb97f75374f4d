"""Make the MIDI of recordings that have none, and a manifest.csv for `mt3synth prepare pairs`.

A folder stands for all recordings in it and in its subfolders. Recordings that are unreadable,
silent or without notes go into OUT/rejected.csv, and the exit status is 3. Run again, it keeps the
MIDI files that are there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mt3synth.commands.prepare.options import close
from mt3synth.errors import UserError, explain_os_errors

HELP = "transcribe recordings that have no MIDI"
SAMPLE_RATE = 22050


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `mt3synth prepare transcribe`."""
    add = parser.add_argument
    add("inputs", nargs="+", type=Path, metavar="AUDIO", help="recording, or folder of recordings")
    add("--out", required=True, type=Path, metavar="DIR", help="folder for MIDI files and tables")
    of_folder = "of all recordings (default: the name of the folder a recording lies in)"
    add("--performance", metavar="NAME", help=of_folder)
    add(
        "--program",
        type=int,
        metavar="N",
        help="General MIDI program of all notes, 0..127 (default: what the transcriber says;"
        " basic-pitch says 0, piano)",
    )
    add(
        "--transcriber",
        metavar="NAME",
        help="module:attribute or file.py:attribute, a class or a function of (audio float32 [S],"
        " sample_rate) that returns mt3synth.symbolic.notes.Notes (default: basic-pitch)",
    )
    gets = "at which the transcriber gets the audio (default: %(default)s)"
    add("--sample-rate", type=int, default=SAMPLE_RATE, metavar="HZ", help=gets)
    add("--overwrite", action="store_true", help="make MIDI files anew")
    add("--strict", action="store_true", help="stop at the first recording to be left out")


def main(args: argparse.Namespace) -> int:
    """Returns 0, or 3 if a recording was left out."""
    if args.program is not None and not 0 <= args.program <= 127:
        raise UserError(f"--program {args.program}; must be in 0..127")
    if args.sample_rate < 1:
        raise UserError(f"--sample-rate {args.sample_rate}; must be at least 1")
    from data_pipelines.prepare.manifest import MANIFEST_FILE
    from data_pipelines.prepare.transcribe import find_jobs, transcribe
    from mt3synth.transcription.loading import BASIC_PITCH, load_transcriber

    jobs = find_jobs(args.inputs, args.out, args.performance)
    transcriber = load_transcriber(args.transcriber or BASIC_PITCH)
    with explain_os_errors(f"--out {args.out}", "cannot be made"):
        args.out.mkdir(parents=True, exist_ok=True)
    names = ("sample_rate", "program", "overwrite", "strict")
    how = {name: getattr(args, name) for name in names}
    rejections = transcribe(jobs, transcriber, args.out, **how)
    print(f"{len(jobs) - len(rejections)} of {len(jobs)} recordings: {args.out / MANIFEST_FILE}")
    return close(rejections, args.out)
