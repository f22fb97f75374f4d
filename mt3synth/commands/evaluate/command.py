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
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mt3synth.commands.evaluate import options
from mt3synth.commands.shared import vocoder_options
from mt3synth.errors import UserError

if TYPE_CHECKING:
    from mt3synth.evaluation.metrics.seams import Joins

HELP = "measure generated audio, or a bundle, beside real recordings"
SUBCOMMANDS = ("bundle",)
"""Modules of `mt3synth.commands.evaluate`; without one of them, files are measured."""

_GIN = "gin_configs/infer/default.gin"
_NEEDED = ("generated", "reference", "performances", "out")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options for files, and a subcommand for each other way."""
    add = parser.add_argument
    add("--generated", type=Path, metavar="DIR", help="folder of the generated audio")
    add(
        "--reference",
        type=Path,
        metavar="DIR",
        help="folder of real recordings, a folder in it for each performance",
    )
    add(
        "--performances",
        type=Path,
        metavar="CSV",
        help="table of the generated files: audio,performance[,midi,reference,wall_seconds]",
    )
    add(
        "--real",
        type=Path,
        metavar="DIR",
        help="more real recordings, laid out alike, to be measured as if they had been generated;"
        " one named like a generated file is a recording of the same notes",
    )
    add(
        "--window-hop",
        type=float,
        metavar="S",
        help="seconds between the starts of windows, if renderings were joined from such",
    )
    add(
        "--window-overlap",
        type=float,
        metavar="S",
        help="seconds that neighbouring windows share (default: 0)",
    )
    add(
        "--bundle",
        metavar="DIR",
        help="whose mel frames and vocoder to measure with (default: the one shipped)",
    )
    add(
        "--setup",
        action="store_true",
        help="get the weights of --embedding musicnn through pip, and end",
    )
    options.add_arguments(parser)
    subcommands = parser.add_subparsers(dest="subcommand", metavar="[bundle]")
    for name in SUBCOMMANDS:
        module = importlib.import_module(f"mt3synth.commands.evaluate.{name}")
        sub = subcommands.add_parser(
            name, help=module.HELP, description=module.__doc__, allow_abbrev=False
        )
        module.add_arguments(sub)
        sub.set_defaults(run_subcommand=module.main, called=sub.prog)
    parser.set_defaults(run_subcommand=_files)


def main(args: argparse.Namespace) -> int:
    """Runs what was chosen."""
    return args.run_subcommand(args)


def _files(args: argparse.Namespace) -> int:
    """Measures files; returns 3 if something could not be measured."""
    if args.setup:
        return _setup(args)
    missing = [f"--{name}" for name in _NEEDED if getattr(args, name) is None]
    if missing:
        raise UserError(
            f"{', '.join(missing)} missing; give all of"
            f" {', '.join('--' + name for name in _NEEDED)}, or `mt3synth evaluate bundle`"
        )
    options.check(args)
    joins = _joins(args)

    from mt3synth import bundle as bundles
    from mt3synth.commands.shared import compilation_cache
    from mt3synth.configuration import parse
    from mt3synth.evaluation.evaluate import Names, Wanted, evaluate, write
    from mt3synth.evaluation.input_files import Places, read_material
    from mt3synth.evaluation.report.tables import tables_of
    from mt3synth.reporting.tables import as_text

    compilation_cache.keep()
    parse.parse([_GIN, *(args.gin_file or [])], args.gin_bindings)
    places = Places(args.generated, args.reference, args.performances, args.real)
    material = read_material(places, joins)
    bundle = bundles.load(args.bundle or bundles.DEFAULT)
    vocoder = vocoder_options.read(args, bundle)
    tools = options.tools(args, bundle.spec.mel, vocoder)
    names = Names(
        title=f"Evaluation of {args.generated.resolve().name}",
        command=f"mt3synth {shlex.join(sys.argv[1:])}",
        vocoder=options.vocoder_name(vocoder),
        transcriber=options.transcriber_name(args),
    )
    wanted = Wanted(args.examples, args.example_seconds)
    done = evaluate(material, tools, names, options.shrinkage(args), wanted, options.progress)
    write(done, names, args.out)
    shown = [t for t in tables_of(done.report) if t.heading != "Not measured"]
    print(as_text(shown, headings=True))
    print(f"\nReport: {args.out / 'index.html'}")
    problems = done.report["problems"]
    if args.listening_test is not None:
        problems += options.write_listening_test(args.listening_test, material, tools)
    return options.report_problems(problems)


def _setup(args: argparse.Namespace) -> int:
    from mt3synth.evaluation.embeddings.musicnn_setup import setup

    print(f"musicnn: {setup(args.embedding_source)}")
    return 0


def _joins(args: argparse.Namespace) -> Joins | None:
    from mt3synth.evaluation.metrics.seams import Joins

    if args.window_hop is None:
        if args.window_overlap is not None:
            raise UserError("--window-overlap goes with --window-hop; give both")
        return None
    try:
        return Joins(args.window_hop, args.window_overlap or 0.0)
    except ValueError as error:
        raise UserError(f"--window-hop: {error}") from error
