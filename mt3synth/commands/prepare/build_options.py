"""Options and closing words that all builds of recordings share."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from mt3synth.errors import UserError

if TYPE_CHECKING:
    from data_pipelines.recordings import Listing

BUILT, BUILT_WITH_REJECTIONS = 0, 3
_SHOWN = 5


def add_build_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds options that say where to build, how, and how strictly."""
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the data set")
    parser.add_argument(
        "--format", default="tfrecord", help="tfrecord (default), or numpy: with mel frames beside"
    )
    parser.add_argument(
        "--sample-rate", type=int, default=16000, metavar="HZ", help="of the data set (16000)"
    )
    parser.add_argument(
        "--shard-minutes", type=float, default=10.0, metavar="M", help="audio in a shard (10)"
    )
    parser.add_argument(
        "--validation-share",
        type=float,
        default=0.1,
        metavar="X",
        help="of the recordings, held out where no split is given (0.1)",
    )
    parser.add_argument("--workers", type=int, metavar="N", help="processes (one a core)")
    parser.add_argument(
        "--beam",
        metavar="OPTIONS",
        help="run in Apache Beam with these pipeline options, e.g. --beam='--runner=FlinkRunner'",
    )
    parser.add_argument(
        "--strict", action="store_true", help="any rejected recording is an error (status 2)"
    )
    parser.add_argument(
        "--drop-missing",
        action="store_true",
        help="drop recordings that the folder has and that are not listed now",
    )


def build_listing(args: argparse.Namespace, listing: Listing, source: Mapping[str, str]) -> int:
    """Builds what was listed and says what came of it; 3 if anything was rejected."""
    from data_pipelines.filesystem import as_path
    from data_pipelines.prepare.beam import run_in_beam
    from data_pipelines.prepare.build import build
    from data_pipelines.prepare.local import run_locally
    from data_pipelines.prepare.settings import PrepareSettings
    from data_pipelines.prepare.tables import REJECTED_FILE

    settings = PrepareSettings(
        sample_rate=args.sample_rate,
        format=args.format,
        shard_minutes=args.shard_minutes,
        validation_share=args.validation_share,
    )
    if args.beam is None:
        run = partial(run_locally, workers=args.workers)
    elif args.workers is not None:
        raise UserError("--workers is for this machine; with --beam give it to the runner")
    else:
        run = partial(run_in_beam, options=shlex.split(args.beam))
    out = as_path(args.out)
    report = build(
        listing,
        out,
        settings,
        source=source,
        run=run,
        strict=args.strict,
        drop_missing=args.drop_missing,
    )
    for split, summary in report.corpus["splits"].items():
        played = ", ".join(f"{n} {name}" for name, n in summary["songs_per_performance"].items())
        print(f"{split}: {summary['songs']} songs, {summary['hours']:.2f} h ({played})")
    for rejection in report.rejections[:_SHOWN]:
        print(f"rejected: {rejection.audio}: {rejection.reason}")
    if len(report.rejections) > _SHOWN:
        print(f"rejected: {len(report.rejections) - _SHOWN} more in {out / REJECTED_FILE}")
    return BUILT_WITH_REJECTIONS if report.rejections else BUILT
