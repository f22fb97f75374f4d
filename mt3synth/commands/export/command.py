"""Make a bundle of a training run: the averaged weights of one of its checkpoints, or its best.

The model card is written from what the run's folder and the corpus say; --card adds a text of
your own. If the corpus has a corpus.json, with its sources and licences, it is copied beside. What
a run began with is inherited: a bundle's vocoder, guidance and papers.
--vocoder puts a trained vocoder into the bundle; --bundle instead of --run takes all the rest from
a bundle that there is. Of a vocoder's own run it makes a folder for --vocoder.
--onnx makes instead a folder that renders without this package, of the bundle that --bundle names
or of the default one (docs/onnx.md); --steps N takes the denoiser along.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mt3synth.atomic import refuse_existing
from mt3synth.configuration import parse
from mt3synth.errors import UserError

if TYPE_CHECKING:
    from mt3synth.model_spec import ModelSpec
    from mt3synth.types import PyTree

HELP = "make a bundle of a training run"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds where from, where to, and what the model card is to say."""
    origin = parser.add_mutually_exclusive_group()
    origin.add_argument("--run", metavar="DIR", help="folder of the run")
    origin.add_argument(
        "--bundle", metavar="DIR", help="a bundle to be given another vocoder, or for --onnx"
    )
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("-o", "--output", metavar="BUNDLE", help="a new folder")
    target.add_argument(
        "--onnx", metavar="DIR", help="a new folder: ONNX, a script and a page that render with it"
    )
    parser.add_argument(
        "--steps",
        type=int,
        metavar="N",
        help="with which what --onnx makes renders (default: as many as the model names)",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--step", type=int, metavar="N", help="checkpoint (default: the last)")
    which.add_argument(
        "--best",
        action="store_true",
        default=None,
        help="the weights whose validation loss was lowest, checkpoint or not",
    )
    which.add_argument(
        "--average",
        type=float,
        metavar="W",
        help="of a run that kept power averages that of this width, a share of the run's length",
    )
    parser.add_argument(
        "--default-performance", metavar="NAME", help="taken if none is named (default: the first)"
    )
    for condition in ("notes", "performance"):
        parser.add_argument(
            f"--guidance-{condition}",
            type=float,
            metavar="W",
            help="with which it is best sampled (1.25)",
        )
    parser.add_argument("--card", metavar="FILE", help="Markdown that goes into the model card")
    parser.add_argument(
        "--corpus", metavar="DIR", help="what the run was trained on, for its corpus.json"
    )
    parser.add_argument("--vocoder", metavar="DIR", help="folder of a trained vocoder")


def main(args: argparse.Namespace) -> int:
    """Writes the bundle and reads it back."""
    if args.onnx is not None:
        return _export_onnx(args)
    if args.steps is not None:
        raise UserError("--steps goes with --onnx; a bundle is rendered with any number of them")
    if args.run is None and args.bundle is None:
        raise UserError("name what is exported: --run or --bundle")
    import logging

    from mt3synth import bundle as bundles
    from mt3synth.adapters import t5x_checkpoints
    from mt3synth.commands.export import vocoder as export_vocoder
    from mt3synth.commands.export.model_card import write_card
    from mt3synth.commands.shared.saving import report
    from mt3synth.training import provenance
    from mt3synth.training.checkpoints.best import load_best
    from mt3synth.training.checkpoints.ema import load_averaged
    from mt3synth.training.run_folder import read_run
    from mt3synth.vocoder import files

    logging.getLogger("absl").setLevel(logging.ERROR)  # orbax warns that it will only read
    parse.parse(args.gin_file or [], args.gin_bindings)
    # Whatever can be refused is, before a checkpoint is read.
    output = Path(args.output)
    refuse_existing(output)
    card = _read(Path(args.card)) if args.card else ""
    if args.bundle:
        return export_vocoder.put_into_bundle(args, card)
    run = Path(args.run)
    if export_vocoder.is_vocoder_run(run):
        return export_vocoder.export_run(args)
    spec, performances = read_run(run)
    vocoder = (
        files.read(args.vocoder) if args.vocoder else provenance.inherited_vocoder(run, spec.mel)
    )
    performances = provenance.heard_in(run, performances)
    spec = _guided(spec, args.guidance_notes, args.guidance_performance)
    # A corpus that is named must be there; beside the run it may lie or not.
    corpus_file = Path(args.corpus or args.run) / provenance.CORPUS_FILE
    corpus = _read_json(corpus_file) if args.corpus or corpus_file.exists() else None
    load = t5x_checkpoints.load_averaged if t5x_checkpoints.is_t5x_run(run) else load_averaged
    # The averaged weights: the last ones of a run still follow the noise of its batches.
    if args.best:
        params, found, losses = load_best(run, bundles.abstract_params(spec))
        step = found.step
        at_first = f", {losses[0]:.4f} at step 0" if losses.get(0) is not None else ""
        print(f"best of {len(losses)} validations: loss {found.loss:.4f}{at_first}")
    elif args.average is not None:
        params, step = _average(run, bundles.abstract_params(spec), args.average)
    else:
        params, step = load(run, bundles.abstract_params(spec), args.step)
    history = provenance.read_provenance(run, step)
    which = "the best by validation" if args.best else ""
    if args.average is not None:
        which = f"an average of width {args.average:g}"
    text = write_card(
        output.name, spec, performances, params, step, corpus, card, vocoder, history, which
    )
    default = args.default_performance or performances[0].name

    # Before the folder has its name, so that there is no moment at which a kill leaves one without.
    def add_papers(folder: Path) -> None:
        if corpus is not None:
            shutil.copy(corpus_file, folder / corpus_file.name)
        provenance.write_provenance(folder, history)
        provenance.copy_origin(run, folder)
        # A bundle that cannot be read back is not worth having.
        bundles.load(folder)

    bundles.save(
        output,
        spec,
        performances,
        default,
        params,
        text,
        vocoder=vocoder,
        add_papers=add_papers,
    )
    bundle = bundles.load(output)
    if vocoder is None:
        report(f"{output} has no vocoder, so that Griffin-Lim makes the sound; see --vocoder")
    print(f"{output}: step {step}, {len(performances)} performances, bundle {bundle.hash}")
    return 0


def _average(run: Path, like: PyTree, width: float) -> tuple[PyTree, int]:
    """Puts an average of this width together, and says how well that can be done."""
    from mt3synth.training.checkpoints.averages import load_averages
    from mt3synth.training.optim.power_average import combine, width_of

    found, step = load_averages(run, like)
    params, error = combine(width, {width_of(name): tree for name, tree in found.items()})
    print(f"average of width {width:g}: its weights along the run are met to {error:.1%}")
    return params, step


def _export_onnx(args: argparse.Namespace) -> int:
    """Writes a folder that renders without this package."""
    from mt3synth import bundle as bundles
    from mt3synth.portable.export import export_onnx

    if args.run is not None:
        raise UserError("--onnx goes with --bundle; make a bundle of the run first, by -o")
    parse.parse(args.gin_file or [], args.gin_bindings)
    output = Path(args.onnx)
    export_onnx(bundles.load(args.bundle or bundles.DEFAULT), output, args.steps)
    for path in sorted(output.iterdir()):
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


def _guided(spec: ModelSpec, notes: float | None, performance: float | None) -> ModelSpec:
    """Returns the model with another guidance, where one is given."""
    import dataclasses

    old = spec.guidance
    try:
        guidance = dataclasses.replace(
            old,
            notes=old.notes if notes is None else notes,
            performance=old.performance if performance is None else performance,
        )
    except ValueError as error:
        raise UserError(str(error)) from error
    return dataclasses.replace(spec, guidance=guidance)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from error


def _read_json(path: Path) -> Any:
    try:
        return json.loads(_read(path))
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: is not JSON: {error}") from error
