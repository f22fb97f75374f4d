"""Measure generated audio beside real recordings, and write a report to look at and listen to.

For example: mt3synth evaluate --generated renders --reference recordings --performances map.csv
--out report. Recordings lie in a folder for each performance; map.csv, with the columns
audio,performance, says of which one each generated file is to sound. Further columns are for what
else is known of it: midi, reference, wall_seconds. The report is report/index.html, with the same
figures as JSON and CSV. What cannot be measured is listed, the rest is measured, and the exit
status is 3. Run again, it goes on where it was. To measure a whole bundle, see mt3synth evaluate
bundle --help. More in docs/evaluation.md.
"""

from __future__ import annotations

import argparse
import importlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mt3synth.commands.evaluate import options
from mt3synth.commands.shared import vocoder_options
from mt3synth.commands.shared.subcommands import add_subcommand
from mt3synth.errors import UserError

if TYPE_CHECKING:
    from mt3synth.evaluation.evaluation_set import Seams

HELP = "measure generated audio, or a bundle, beside real recordings"
SUBCOMMANDS = ("bundle",)
"""Modules of `mt3synth.commands.evaluate`; without a subcommand files are measured."""

_NEEDED = ("generated", "reference", "performances", "out")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds options for files, and the subcommands."""
    add = parser.add_argument
    add_folder = partial(add, type=Path, metavar="DIR")
    add_folder("--generated", help="folder of the generated audio")
    add_folder("--reference", help="folder of real recordings, a folder in it for each performance")
    table = "table of generated files: audio,performance[,midi,reference,wall_seconds,metrics]"
    add("--performances", type=Path, metavar="CSV", help=table)
    add_folder(
        "--real",
        help="more real recordings, laid out alike, to be measured as if they had been generated;"
        " one named like a generated file is a recording of the same notes",
    )
    add_seconds = partial(add, type=float, metavar="S")
    add_seconds("--window-hop", help="between the starts of segments, if renderings have such")
    add_seconds("--window-overlap", help="that neighbouring segments share (default: 0)")
    whose = "whose mel frames and vocoder to measure with (default: the one shipped)"
    add("--bundle", metavar="DIR", help=whose)
    own = "get the weights of musicnn through pip, say what transcribers need, and end"
    add("--setup", action="store_true", help=own)
    add("--seed", type=int, metavar="N", help="of all random choices (default: 0)")
    options.add_arguments(parser)
    subcommands = parser.add_subparsers(dest="subcommand", metavar="[bundle]")
    for name in SUBCOMMANDS:
        module = importlib.import_module(f"mt3synth.commands.evaluate.{name}")
        add_subcommand(subcommands, name, module)


def main(args: argparse.Namespace) -> int:
    """Measures files; returns 3 if something could not be measured."""
    if args.setup:
        return _setup(args)
    # argparse cannot require them: the subcommand goes without.
    missing = [f"--{name}" for name in _NEEDED if getattr(args, name) is None]
    if missing:
        raise UserError(
            f"{', '.join(missing)} missing; give all of"
            f" {', '.join('--' + name for name in _NEEDED)}, or `mt3synth evaluate bundle`"
        )
    options.check(args)
    seams = _seams(args)

    from mt3synth import bundle as bundles
    from mt3synth.commands.evaluate.run import run
    from mt3synth.commands.shared import compilation_cache
    from mt3synth.configuration import parse
    from mt3synth.evaluation.input_files import EvaluationPaths, read_evaluation_set

    compilation_cache.keep()
    parse.parse([options.GIN, *(args.gin_file or [])], args.gin_bindings)
    paths = EvaluationPaths(args.generated, args.reference, args.performances, args.real)
    items = read_evaluation_set(paths, seams)
    bundle = bundles.load(args.bundle or bundles.DEFAULT)
    vocoder = vocoder_options.read(args, bundle)
    evaluators, lacking = options.load_evaluators(args, bundle.spec.mel, vocoder, args.seed or 0)
    names = options.make_names(args, f"Evaluation of {args.generated.resolve().name}", vocoder)
    return run(args, items, evaluators, names, lacking)


def _setup(args: argparse.Namespace) -> int:
    from mt3synth.evaluation.embeddings.musicnn_setup import setup
    from mt3synth.transcription.loading import list_transcribers

    print(f"musicnn: {setup(args.embedding_source)}")
    for line in list_transcribers():
        print(line)
    return 0


def _seams(args: argparse.Namespace) -> Seams | None:
    from mt3synth.evaluation.evaluation_set import Seams

    if args.window_hop is None:
        if args.window_overlap is not None:
            raise UserError("--window-overlap goes with --window-hop; give both")
        return None
    try:
        return Seams(args.window_hop, args.window_overlap or 0.0)
    except ValueError as error:
        raise UserError(f"--window-hop: {error}") from error
