"""Exports vocoders: from their own run to a folder, and from a folder into a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path

from mt3synth import bundle as bundles
from mt3synth.commands.export.model_card import add_vocoder
from mt3synth.errors import UserError
from mt3synth.training.checkpoints.ema import load_averaged
from mt3synth.training.run_folder import SPEC_FILE
from mt3synth.vocoder import files

_OF_MODELS = (
    "best",
    "default_performance",
    "guidance_notes",
    "guidance_performance",
    "corpus",
    "vocoder",
)


def is_vocoder_run(run: Path) -> bool:
    """Tells whether a folder is that of a vocoder's run and not that of a model's."""
    return (run / files.DESCRIPTION).is_file() and not (run / SPEC_FILE).exists()


def export_run(args: argparse.Namespace) -> int:
    """Writes a folder with the averaged weights of a vocoder's run; returns the exit status."""
    run, output = Path(args.run), Path(args.output)
    _refuse(args, (*_OF_MODELS, "card"), f"{run} is the run of a vocoder; leave it out")
    config, spec = files.read_description(run)
    params, step = load_averaged(run, files.abstract_params(config, spec), args.step)
    try:
        vocoder = files.write(output, config, spec, params)
    except ValueError as error:
        raise UserError(f"{run}: step {step}: {error}") from error
    print(f"{output}: step {step}, {vocoder.size / 1e6:.1f} M parameters, vocoder {vocoder.hash}")
    return 0


def put_into_bundle(args: argparse.Namespace, card: str) -> int:
    """Writes the bundle of --bundle with the vocoder of --vocoder; returns the exit status."""
    if args.vocoder is None:
        raise UserError("--bundle goes with --vocoder, which names what is to be put into it")
    _refuse(args, ("step", *_OF_MODELS[:-1]), "it is of --run; leave it out")
    vocoder, old = files.read(args.vocoder), bundles.load(args.bundle)
    try:
        text = (old.folder / bundles.CARD).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{old.folder / bundles.CARD}: cannot be read: {error}") from error
    bundles.copy(old, args.output, vocoder, add_vocoder(text, vocoder, card))
    print(f"{args.output}: vocoder {vocoder.hash}, bundle {bundles.load(args.output).hash}")
    return 0


def _refuse(args: argparse.Namespace, options: tuple[str, ...], why: str) -> None:
    for name in options:
        if getattr(args, name) is not None:
            raise UserError(f"--{name.replace('_', '-')}: {why}")
