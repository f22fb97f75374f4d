"""Measure a bundle: scores of a corpus rendered by it, beside the real rendering of the same notes.

The corpus is one that `mt3synth prepare corpus` made, whose soundfonts are here. Excerpts are
rendered in one performance, some of them in every performance, and some at two velocities; all of
them are then measured as `mt3synth evaluate` measures files, and so are tunes, scales, single and
held notes of each instrument alone; a whole song is added. What is rendered stays under OUT, so
that an interrupted report goes on where it was. See docs/evaluation.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mt3synth.commands.evaluate import options
from mt3synth.commands.shared import sampling_options, vocoder_options
from mt3synth.errors import UserError, explain_os_errors

if TYPE_CHECKING:
    from mt3synth.bundle import Bundle

HELP = "measure a bundle on scores of a corpus"

THIN_PART, SONG_PART = "thin", "song"
# Those of mt3synth.evaluation.bundle.render_set, whose import would slow every command's --help.
CORPUS_PARTS = ("excerpts", "crossed", "levels")
PARTS = (*CORPUS_PARTS, THIN_PART, SONG_PART)
_WITHOUT_CORPUS = f"{THIN_PART} and {SONG_PART}"

_SONG_PERFORMANCES = ("studio", "church")  # of the shipped bundle, as unlike as two can be
_THIN_PERFORMANCES = ("studio", "concert-hall")  # dry and wet, and one soundfont is enough


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds options on what to render, and on how much."""
    add = parser.add_argument
    add_count = partial(add, type=int, metavar="N")
    add_names = partial(add, nargs="+", metavar="NAME")
    add_folder = partial(add, type=Path, metavar="DIR")
    own = "or the bundle's own"
    add("--bundle", metavar="DIR", help="folder of the bundle (default: the one shipped)")
    add_folder("--corpus", help=f"corpus that it was trained on; {_WITHOUT_CORPUS} can do without")
    add("--split", default="test", metavar="S", help="of the corpus, to render (default: test)")
    add_names("--only", choices=PARTS, default=PARTS, help=f"only these of {', '.join(PARTS)}")
    add_count("--excerpts", default=24, help="songs in one performance (default: 24)")
    add("--seconds", type=float, default=14.0, metavar="S", help="of each excerpt (default: 14)")
    add("--performance", metavar="NAME", help="of excerpts and levels (default: the bundle's)")
    add_count("--crossed", default=3, help="of them, in every performance (default: 3)")
    add_count(
        "--levels", default=4, help="of them, at velocity 30 and at velocity 110 (default: 4)"
    )
    add_count("--recordings", default=60, help="real ones of each performance (default: 60)")
    usual = " and ".join(_THIN_PERFORMANCES)
    add_names("--thin-performances", help=f"for thin music (default: {usual}, {own})")
    add_names("--thin-groups", help="instruments of thin music: groups of programs, drums (all)")
    add("--song", type=Path, metavar="MIDI", help="whole song to render (the Mozart quartet)")
    usual = " and ".join(_SONG_PERFORMANCES)
    add_names("--song-performances", help=f"for the song (default: {usual}, {own})")
    add_folder("--pictures", help="for pictures of song and tune (default: OUT)")
    add("--audio", action="store_true", help="write the song's audio to OUT/audio")
    own = "the file of performances that the corpus was rendered with, if it was your own"
    add("--performances", type=Path, metavar="TOML", help=own)
    look = "look for soundfonts here first; may be given several times"
    add_folder("--soundfonts", action="append", default=[], help=look)
    options.add_arguments(parser)
    sampling_options.add_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Renders and measures; returns 3 if something could not be measured."""
    if args.out is None:
        raise UserError("--out missing; name a folder for the report")
    if args.corpus is None and set(args.only) & set(CORPUS_PARTS):
        raise UserError(
            "--corpus missing; name the one that the bundle was trained on, or measure what needs"
            f" none by --only {THIN_PART} {SONG_PART}"
        )
    options.check(args)

    # Here and not above, or every command's --help would wait for JAX and matplotlib.
    from mt3synth import bundle as bundles
    from mt3synth.commands.evaluate.run import run
    from mt3synth.commands.shared import compilation_cache
    from mt3synth.configuration import parse
    from mt3synth.evaluation.bundle.render_set import SetOptions, render_evaluation_set
    from mt3synth.evaluation.bundle.renderers import (
        ModelRenderer,
        RealRenderer,
        Renderers,
        performances_file,
    )
    from mt3synth.evaluation.bundle.song import SONG, SongOptions, add_song
    from mt3synth.evaluation.bundle.thin import ThinOptions, draw_tune, real_if_known, render_thin
    from mt3synth.evaluation.bundle.thin_pieces import GROUPS
    from mt3synth.evaluation.evaluate import Evaluation
    from mt3synth.evaluation.evaluation_set import EvaluationSet, Seams
    from mt3synth.evaluation.input_files import read_evaluation_set
    from mt3synth.synthesis.options import describe

    compilation_cache.keep()
    parse.parse([options.GIN, *(args.gin_file or [])], args.gin_bindings)
    bundle = bundles.load(args.bundle or bundles.DEFAULT)
    asked = ("split", "excerpts", "crossed", "levels", "recordings", "seconds")
    set_options = SetOptions(
        parts=tuple(part for part in args.only if part in CORPUS_PARTS),
        performance=bundle.performance(args.performance).index,
        **{name: getattr(args, name) for name in asked},
    )
    thin = ThinOptions(
        _performances(args.thin_performances, _THIN_PERFORMANCES, bundle),
        args.thin_groups or GROUPS,
    )
    config = sampling_options.read(args, bundle.spec)
    vocoder = vocoder_options.read(args, bundle)
    with explain_os_errors(f"--out {args.out}", "cannot be made"):
        args.out.mkdir(parents=True, exist_ok=True)
    names = [p.name for p in bundle.performances]
    performances = args.performances
    if args.corpus is not None:
        performances = performances_file(args.corpus, performances, _say)
    # Thin music says much without a real rendering, too; the other parts are nothing without it.
    make_real = real_if_known if set(args.only) == {THIN_PART} else RealRenderer
    renderers = Renderers(
        names=names,
        mel=bundle.spec.mel,
        model=ModelRenderer(bundle, config, args.out / "mels"),
        real=make_real(names, bundle.spec.mel, args.soundfonts, performances),
        vocoder=vocoder,
    )
    evaluators, lacking = options.load_evaluators(args, bundle.spec.mel, vocoder, config.seed)
    items = EvaluationSet()
    seams = Seams(*config.window_seconds(bundle.spec))
    identity = {
        "bundle": bundle.hash,
        **describe(config, bundle.spec),
        "vocoder": evaluators.vocoder.identity,
    }
    if set_options.parts:
        paths = render_evaluation_set(
            args.corpus, set_options, renderers, seams, identity, args.out / "audio", _say
        )
        items = read_evaluation_set(paths)
    if THIN_PART in args.only:
        found = render_thin(thin, renderers, seams, identity, args.out / THIN_PART, _say)
        items.pieces += found.pieces
        items.problems += found.problems

    def complete(evaluation: Evaluation) -> None:
        evaluation.report["bundle"] = bundle.hash
        evaluation.report["sampling"] = describe(config, bundle.spec)
        if THIN_PART in args.only:
            drawn = draw_tune(thin.performances, renderers, args.pictures or args.out)
            evaluation.pictures.update(drawn)
        if SONG_PART in args.only:
            song = SongOptions(
                path=args.song or SONG,
                performances=_performances(args.song_performances, _SONG_PERFORMANCES, bundle),
                pictures=args.pictures or args.out,
                audio=args.out / "audio" if args.audio else None,
            )
            add_song(evaluation, song, renderers, _say)

    title = f"Evaluation of bundle {bundle.folder.resolve().name}"
    called = options.make_names(args, title, vocoder)
    return run(args, items, evaluators, called, lacking, complete)


def _performances(names: list[str] | None, usual: Sequence[str], bundle: Bundle) -> list[int]:
    """Gives the indices of performances; a bundle of one's own has other names than the usual."""
    if names is None:
        known = {p.name for p in bundle.performances}
        names = [name for name in usual if name in known]
    return [bundle.performance(name).index for name in names or (None,)]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
