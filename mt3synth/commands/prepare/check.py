"""Check that MIDI files are aligned to their recordings, and name those that are not.

For each pair it prints by how much the sound comes after the notes (ms, at the median, and the 5th
and 95th percentile), at how many of the onsets such notes are heard to begin (20% by chance), and
how well the harmony agrees (0 by chance, 1 at best). Alignment itself follows the same evidence;
so a transcriber judges besides, stretch by stretch, by the notes that it hears: the last column
says in how many stretches it hears where the notes are. If a pair is bad the exit status is 3.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from mt3synth.commands.prepare.options import add_pair_arguments, check_pair_arguments, read_pairs
from mt3synth.errors import UserError

if TYPE_CHECKING:
    from data_pipelines.recordings import Recording
    from mt3synth.transcription.transcriber import Transcriber

HELP = "check that MIDI files are aligned to their recordings"
GOOD, BAD = 0, 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `mt3synth prepare check`."""
    add_pair_arguments(parser)
    parser.add_argument(
        "--transcriber",
        metavar="NAME",
        help="module:attribute or file.py:attribute, or none (default: basic-pitch, if installed)",
    )
    parser.add_argument(
        "--tolerance", type=float, metavar="MS", help="shift that is still good (default 60)"
    )


def main(args: argparse.Namespace) -> int:
    """Prints the table; 3 if a pair is bad."""
    check_pair_arguments(args)
    if args.tolerance is not None and not 0 < args.tolerance <= 1000:
        raise UserError(f"--tolerance {args.tolerance:g} ms; must be within 0..1000")
    from data_pipelines.alignment.offsets import TOLERANCE_S

    tolerance = TOLERANCE_S if args.tolerance is None else args.tolerance / 1000
    listing = read_pairs(args)
    transcriber = _find_transcriber(args.transcriber)
    print("   shift      5%     95%  found  agree  heard  recording")
    bad = [f"{r.audio} and {r.midi}: {r.reason}" for r in listing.rejections]
    for recording in listing.recordings:
        if wrong := _check(recording, tolerance, transcriber):
            bad.append(f"{recording.name}: {wrong}")
    if transcriber is None:
        print(
            "No transcriber was asked: of pairs that `mt3synth prepare align` made this says only "
            "that they belong together, not how exact they are. It follows the same evidence; "
            "install basic-pitch, or name another by --transcriber."
        )
    count = len(listing.recordings) + len(listing.rejections)
    print(f"{count - len(bad)} of {count} pairs are aligned within {1000 * tolerance:g} ms")
    for line in bad:
        print(f"mt3synth prepare check: {line}", file=sys.stderr)
    return BAD if bad else GOOD


def _find_transcriber(name: str | None) -> Transcriber | None:
    """Loads the transcriber that is named, or the built-in one; None if that is not installed."""
    from mt3synth.transcription.loading import BASIC_PITCH, load_transcriber

    if name == "none":
        return None
    if name is not None:
        return load_transcriber(name)
    try:
        return load_transcriber(BASIC_PITCH)
    except UserError:
        return None


def _check(recording: Recording, tolerance: float, transcriber: Transcriber | None) -> str | None:
    """Prints the line of a pair; returns what is wrong with it, or None."""
    from data_pipelines.alignment.features import SAMPLE_RATE
    from data_pipelines.alignment.heard import (
        can_be_judged,
        compare_with_heard,
        find_displacement,
    )
    from data_pipelines.alignment.offsets import find_problem, measure_offsets
    from data_pipelines.recordings import one_line

    try:
        audio = recording.audio.read(SAMPLE_RATE)
        notes, _ = recording.notes.read()
        begin = recording.start
        end = len(audio) / SAMPLE_RATE if recording.end is None else recording.end
        audio = audio[round(begin * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
        notes = notes.select(notes.start >= begin).cropped(begin, end)
        offsets = measure_offsets(notes, audio)
        heard = None if transcriber is None else transcriber(audio, SAMPLE_RATE)
    except UserError as error:
        print(f"{'':46}{recording.audio.path}")
        return one_line(error)
    seconds = (offsets.shift, offsets.earliest, offsets.latest)
    times = " ".join(f"{1000 * t:+5.0f} ms" for t in seconds)
    figures = f"{times} {offsets.found:5.0%} {offsets.agreement:6.2f}"
    problem = find_problem(offsets, tolerance)
    if heard is None:
        print(f"{figures}      -  {recording.audio.path}")
        return problem
    stretches = compare_with_heard(notes, heard)
    there = sum(stretch.clear and not stretch.off for stretch in stretches)
    print(f"{figures} {f'{there}/{len(stretches)}':>6}  {recording.audio.path}")
    if not can_be_judged(stretches):
        print("  the transcriber hears too little of it to say how exact it is")
    return problem or find_displacement(stretches)
