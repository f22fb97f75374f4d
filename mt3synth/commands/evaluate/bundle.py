"""Measure a bundle: scores of a corpus rendered by it, beside the real rendering of the same notes.

The corpus is one that `mt3synth prepare corpus` made, whose soundfonts are here. What is rendered
is kept under OUT, so that an interrupted report goes on where it was. See docs/evaluation.md.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from mt3synth.commands.evaluate import options
from mt3synth.commands.shared import vocoder_options
from mt3synth.errors import UserError

HELP = "measure a bundle on scores of a corpus"

# As mt3synth.evaluation.bundle.report has them, whose import would slow every command's --help.
PARTS = ("transcription", "recognition", "levels", "song", "measures")

_GIN = "gin_configs/infer/default.gin"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to measure, and on how much."""
    add = parser.add_argument
    add("--bundle", metavar="DIR", help="folder of the bundle (default: the one shipped)")
    add("--corpus", type=Path, required=True, metavar="DIR", help="corpus that it was trained on")
    add(
        "--split",
        default="test",
        metavar="S",
        help="of the corpus, whose scores are rendered (default: test)",
    )
    add(
        "--only",
        nargs="+",
        choices=PARTS,
        default=PARTS,
        metavar="PART",
        help=f"only these of {', '.join(PARTS)}",
    )
    add("--excerpts", type=int, default=24, metavar="N", help="songs for the F1 (default: 24)")
    add(
        "--seconds",
        type=float,
        default=14.0,
        metavar="S",
        help="length of an excerpt (default: 14)",
    )
    add("--steps", type=int, default=50, metavar="N", help="denoising steps (default: 50)")
    add("--performance", metavar="NAME", help="for F1 and levels (default: the bundle's)")
    add(
        "--crossed",
        type=int,
        default=3,
        metavar="N",
        help="excerpts in every performance (default: 3)",
    )
    add("--levels", type=int, default=4, metavar="N", help="excerpts for the levels (default: 4)")
    add(
        "--recordings",
        type=int,
        default=60,
        metavar="N",
        help="real ones of each performance (default: 60)",
    )
    add(
        "--song",
        type=Path,
        metavar="MIDI",
        help="whole song to render (default: the Mozart quartet)",
    )
    add("--song-performances", nargs="+", default=["studio", "church"], metavar="NAME")
    add("--pictures", type=Path, metavar="DIR", help="for the song's pictures (default: OUT)")
    add("--audio", action="store_true", help="write the song's audio to OUT/audio")
    add("--soundfonts", type=Path, action="append", default=[], metavar="DIR")
    options.add_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Measures; returns 3 if something could not be measured."""
    if args.out is None:
        raise UserError("--out missing; name a folder for the report")
    if args.steps < 1:
        raise UserError(f"--steps {args.steps}; must be at least 1")
    options.check(args)

    from mt3synth import bundle as bundles
    from mt3synth.commands.shared import compilation_cache
    from mt3synth.configuration import parse
    from mt3synth.evaluation import evaluate
    from mt3synth.evaluation.bundle import report
    from mt3synth.evaluation.bundle.renderers import ModelRenderer, RealRenderer, Workbench
    from mt3synth.evaluation.bundle.text import markdown, tables_of_parts
    from mt3synth.evaluation.input_files import Places, read_material
    from mt3synth.synthesis import SamplingConfig

    compilation_cache.keep()
    parse.parse([_GIN, *(args.gin_file or [])], args.gin_bindings)
    sizes = (args.excerpts, args.crossed, args.levels, args.recordings)
    report.check_sizes(*sizes, args.seconds)
    bundle = bundles.load(args.bundle or bundles.DEFAULT)
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out {args.out}: {error.strerror or error}") from error
    request = report.Request(
        corpus=args.corpus,
        out=args.out,
        only=tuple(args.only),
        split=args.split,
        excerpts=args.excerpts,
        crossed=args.crossed,
        levels=args.levels,
        recordings=args.recordings,
        seconds=args.seconds,
        performance=bundle.performance(args.performance).index,
        song=args.song or report.SONG,
        song_performances=tuple(bundle.performance(name).index for name in args.song_performances)
        if "song" in args.only
        else (),
        pictures=args.pictures or args.out,
        audio=args.out / "audio" if args.audio else None,
    )
    vocoder = vocoder_options.read(args, bundle)
    names = [p.name for p in bundle.performances]
    config = SamplingConfig(steps=args.steps, seed=args.seed)
    using = report.Instruments(
        bundle=bundle,
        config=config,
        bench=Workbench(
            names=names,
            mel=bundle.spec.mel,
            model=ModelRenderer(bundle, config, args.out / "mels"),
            real=RealRenderer(names, bundle.spec.mel, args.soundfonts),
            vocoder=vocoder,
            seconds=args.seconds,
            seed=args.seed,
        ),
        tools=options.tools(args, bundle.spec.mel, vocoder),
        names=evaluate.Names(
            title=f"Evaluation of bundle {bundle.folder.resolve().name}",
            command=f"mt3synth {shlex.join(sys.argv[1:])}",
            vocoder=options.vocoder_name(vocoder),
            transcriber=options.transcriber_name(args),
        ),
        shrinkage=options.shrinkage(args),
        wanted=evaluate.Wanted(args.examples, args.example_seconds),
        progress=options.progress,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    figures, evaluation = report.report(request, using)
    print(markdown(figures), end="")
    if evaluation is None:
        return 0
    folder = args.out / "page"
    evaluate.write(evaluation, using.names, folder, tables_of_parts(figures))
    print(f"\nReport: {folder / 'index.html'}")
    problems = evaluation.report["problems"]
    if args.listening_test is not None:
        audio = args.out / "audio"
        places = Places(audio / "generated", audio / "recordings", audio / "map.csv")
        material = read_material(places)
        problems += options.write_listening_test(args.listening_test, material, using.tools)
    return options.report_problems(problems)
