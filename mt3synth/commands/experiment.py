"""Run an experiment: train, render and judge its arms, and write one table of all.

NAME is one of those in gin_configs/experiments, or a gin file of your own that binds Experiment
(docs/experiments.md). Arms that are trained get --minutes each; the others are the bundle, rendered
or changed in the way that the experiment asks about. Stopped, it goes on with the same command.
--evaluate is handed on to `mt3synth evaluate bundle`, for every arm:

  mt3synth experiment film --corpus data/corpus --out runs/film --evaluate="--crossed 3 --steps 0"
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from mt3synth.configuration import parse
from mt3synth.errors import UserError, explain_os_errors

HELP = "run an experiment, its arms side by side in one table"
_FOLDER = "gin_configs/experiments"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what an experiment is run on; the rest is for evaluations."""
    add = parser.add_argument
    add("name", metavar="NAME", help=f"of a file in {_FOLDER}, or a gin file: {', '.join(names())}")
    add("--corpus", type=Path, required=True, metavar="DIR", help="to train on and to evaluate by")
    add("--out", type=Path, required=True, metavar="DIR", help="folder of all that is made")
    add("--bundle", metavar="DIR", help="of arms that are not trained (default: the one shipped)")
    add("--minutes", type=float, metavar="M", help="for each arm that is trained")
    given = "for every `mt3synth evaluate bundle`, in quotes after ="
    add("--evaluate", default="", metavar='"OPTION ..."', help=given)


def names() -> list[str]:
    """Lists the experiments that come with the project."""
    return sorted(path.stem for path in (parse.ROOT / _FOLDER).glob("*.gin"))


def main(args: argparse.Namespace) -> int:
    """Runs it and prints the table."""
    if args.minutes is not None and not args.minutes > 0:
        raise UserError(f"--minutes {args.minutes:g}; must be above 0")
    if not args.corpus.is_dir():
        raise UserError(f"--corpus {args.corpus}: no such folder")
    file = args.name
    if not file.endswith(".gin"):
        if file not in names():
            known = ", ".join(names())
            raise UserError(f"experiment {file!r}; there are {known}, or name a .gin file")
        file = f"{_FOLDER}/{file}.gin"

    from mt3synth import bundle as bundles
    from mt3synth.configuration import build
    from mt3synth.experiments.arms import Experiment
    from mt3synth.experiments.conduct import Setting, conduct
    from mt3synth.reporting.tables import as_text

    parse.parse([file, *(args.gin_file or [])], args.gin_bindings)
    experiment = build.build(Experiment)
    with explain_os_errors(f"--out {args.out}", "cannot be made"):
        args.out.mkdir(parents=True, exist_ok=True)
    setting = Setting(
        args.corpus,
        args.out,
        Path(args.bundle or bundles.DEFAULT),
        args.minutes or experiment.minutes,
        _words(args.evaluate),
    )
    print(as_text([conduct(experiment, setting)], headings=True))
    print(f"\nTable: {args.out / 'table.md'}")
    return 0


def _words(options: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(options))
    except ValueError as error:
        raise UserError(f"--evaluate {options}: {error}") from error
