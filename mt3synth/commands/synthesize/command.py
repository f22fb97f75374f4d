"""Render MIDI files: IN.mid becomes IN.wav in the current folder, or what -o says.

A folder stands for the MIDI files in it, - for standard input. With a folder or several files -o
names a folder.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

from mt3synth.commands.shared import outputs, sampling_options, vocoder_options
from mt3synth.configuration import parse

HELP = "render MIDI files to audio"
DEFAULT_GIN = "gin_configs/infer/default.gin"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options; those on sampling and on the vocoder are shared with other commands."""
    parser.add_argument("inputs", nargs="+", metavar="IN.mid", help="MIDI file, a folder, or -")
    parser.add_argument(
        "-o", "--output", metavar="OUT", help="OUT.wav, OUT.flac, or a folder (default: .)"
    )
    parser.add_argument(
        "--performance", metavar="NAME", help="whose sound; `mt3synth performances` lists them"
    )
    parser.add_argument("--bundle", metavar="DIR", help="a model other than the default one")
    parser.add_argument("--save-mel", metavar="OUT.npy", help="also keep the log-mel frames [T, M]")
    parser.add_argument("--stereo", action="store_true", help="two channels, parts in their place")
    parser.add_argument("--tuning", metavar="SCALE.scl", help="Scala file that tunes the keys")
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="from this second on")
    parser.add_argument("--end", type=float, default=math.inf, metavar="S", help="to this second")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    sampling_options.add_arguments(parser)
    vocoder_options.add_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Renders every file that can be; returns 2 if one could not."""
    jobs = outputs.plan_jobs(args.inputs, args.output, args.save_mel)
    return outputs.run_jobs(jobs, "synthesize", args.overwrite, lambda: _prepare(args))


def _prepare(args: argparse.Namespace) -> Callable[[outputs.Job], None]:
    """Loads the model; returns what renders one song with it."""
    import mt3synth
    from mt3synth.commands.shared import compilation_cache
    from mt3synth.commands.synthesize.render_job import render
    from mt3synth.score import Span

    # Before the model is loaded: a span that holds nothing need not wait for it.
    span = Span(args.start, args.end)
    compilation_cache.keep()
    parse.parse([DEFAULT_GIN, *(args.gin_file or [])], args.gin_bindings)
    model = mt3synth.load(args.bundle)
    renderer = model.renderer(
        args.performance,
        stereo=args.stereo,
        vocoder=vocoder_options.read(args, model.bundle),
        config=sampling_options.read(args, model.spec),
    )
    return lambda job: render(job, span, renderer, args.tuning)
