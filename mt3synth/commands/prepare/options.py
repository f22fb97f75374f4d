"""Options and closing words that several subcommands share."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence, Sized
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mt3synth.errors import UserError

if TYPE_CHECKING:
    from data_pipelines.recordings import Listing

DONE, DONE_WITH_REJECTIONS = 0, 3
"""Exit status; the second means that all was done but for what was rejected."""
_SHOWN = 5
_LITTLE_S = 60.0
"""Of training audio: with less, a model hardly learns how a performance sounds."""


def add_pair_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that name a pair, or a table of pairs."""
    add = parser.add_argument
    add("--audio", metavar="RECORDING.wav", help="a recording")
    add("--midi", metavar="FILE.mid", help="the MIDI of what is played in it")
    add("--manifest", metavar="CSV", help="instead: a table of pairs")


def check_pair_arguments(args: argparse.Namespace, *single: str) -> None:
    """Checks that a pair is named or a table, not both; ``single`` are a pair's further options."""
    given = [name for name in ("audio", "midi", *single) if getattr(args, name) is not None]
    if args.manifest is not None:
        if given:
            raise UserError(f"--{given[0]} is for one pair; leave it out with --manifest")
    elif args.audio is None or args.midi is None:
        raise UserError("give --audio and --midi, or --manifest")


def read_pairs(args: argparse.Namespace) -> Listing:
    """Lists the pair that is named, or those of the table."""
    from data_pipelines.filesystem import as_path
    from data_pipelines.prepare.manifest import read_manifest
    from data_pipelines.recordings import AudioFile, Listing, MidiFile, Recording

    if args.manifest is not None:
        return read_manifest(as_path(args.manifest))
    sources = AudioFile(as_path(args.audio)), MidiFile(as_path(args.midi))
    return Listing([Recording(args.audio, *sources, performance="recording")], [])


def close(rejections: Sized, folder: Path) -> int:
    """Says how many were left out, and returns the exit status."""
    from data_pipelines.prepare.tables import REJECTED_FILE

    if not rejections:
        return DONE
    print(f"{len(rejections)} left out: {folder / REJECTED_FILE}")
    return DONE_WITH_REJECTIONS


def add_build_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds options that say where to build, how, and how strictly."""
    add = parser.add_argument
    add("--out", required=True, metavar="DIR", help="folder of the data set")
    add("--format", default="tfrecord", help="tfrecord (default), or numpy: with mel frames beside")
    add("--sample-rate", type=int, default=16000, metavar="HZ", help="of the data set (16000)")
    add("--shard-minutes", type=float, default=10.0, metavar="M", help="audio in a shard (10)")
    add(
        "--validation-share",
        type=float,
        default=0.1,
        metavar="X",
        help="of the recordings, held out where no split is given (0.1)",
    )
    add("--workers", type=int, metavar="N", help="processes (one a core)")
    add(
        "--beam",
        metavar="OPTIONS",
        help="run in Apache Beam with these pipeline options, e.g. --beam='--runner=FlinkRunner'",
    )
    add("--strict", action="store_true", help="any rejected recording is an error (status 2)")
    add(
        "--drop-missing",
        action="store_true",
        help="drop recordings that the folder has and that are not listed now",
    )


def build_listing(args: argparse.Namespace, listing: Listing, source: Mapping[str, str]) -> int:
    """Builds what was listed and says what came of it; 3 if anything was rejected."""
    from data_pipelines.filesystem import as_path
    from data_pipelines.prepare.build import build
    from data_pipelines.prepare.plan import PrepareSettings
    from data_pipelines.prepare.runners import run_in_beam, run_locally
    from data_pipelines.prepare.tables import REJECTED_FILE, SONGS_FILE, read_songs

    names = ("sample_rate", "format", "shard_minutes", "validation_share")
    settings = PrepareSettings(**{name: getattr(args, name) for name in names})
    # With Beam the runner decides on workers; to ignore the option would be to promise too much.
    if args.beam is None:
        run = partial(run_locally, workers=args.workers)
    elif args.workers is not None:
        raise UserError("--workers is for this machine; with --beam give it to the runner")
    else:
        run = partial(run_in_beam, options=shlex.split(args.beam))
    out = as_path(args.out)
    how = {"source": source, "run": run, "strict": args.strict, "drop_missing": args.drop_missing}
    report = build(listing, out, settings, **how)
    print_splits(report.corpus)
    remarks = [(song["audio"], song["remarks"]) for song in read_songs(out) if song["remarks"]]
    _print_first("remark", remarks, out / SONGS_FILE)
    _warn_of_little(report.training_seconds)
    rejected = [(rejection.audio, rejection.reason) for rejection in report.rejections]
    _print_first("rejected", rejected, out / REJECTED_FILE)
    return DONE_WITH_REJECTIONS if report.rejections else DONE


def _print_first(kind: str, found: Sequence[tuple[str, str]], file: Path) -> None:
    """Says what was found of some recordings: the first few, and where the others are."""
    for audio, what in found[:_SHOWN]:
        print(f"{kind}: {audio}: {what}")
    if len(found) > _SHOWN:
        print(f"{kind}: {len(found) - _SHOWN} more in {file}")


def _warn_of_little(training_seconds: Mapping[str, float]) -> None:
    """Names performances that have hardly anything to be trained on."""
    little = [(name, s) for name, s in training_seconds.items() if s < _LITTLE_S]
    for name, seconds in little[:_SHOWN]:
        if seconds:
            line = f"performance {name!r} has {seconds:.0f} s to train on, less than a minute"
        else:
            line = f"performance {name!r} has nothing to train on: all of it is held out"
        print(line, file=sys.stderr)
    if len(little) > _SHOWN:
        print(f"and {len(little) - _SHOWN} more with less than a minute", file=sys.stderr)


def print_splits(corpus: Mapping[str, Any]) -> None:
    """Says what a data set holds: a line for each split."""
    for split, summary in corpus["splits"].items():
        played = ", ".join(f"{n} {name}" for name, n in summary["songs_per_performance"].items())
        print(f"{split}: {summary['songs']} songs, {summary['hours']:.2f} h ({played})")
