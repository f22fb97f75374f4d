"""Make a bundle of weights that others trained: Hawthorne et al. 2022's models with context.

SOURCE is a checkpoint of t5x (the folder that the published archive unpacks to, or one of its
checkpoint_N) or a folder of diffusers' SpectrogramDiffusionPipeline. Every parameter is checked
against the network; nothing is written unless all are there.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Literal

from mt3synth.configuration import parse
from mt3synth.errors import UserError

HELP = "make a bundle of weights that others trained"
CONFIGS = ("auto", "small_with_context", "base_with_context")
PERFORMANCE = "unconditioned"
"""Name of the one performance of a network that knows none."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds where from, where to, and what the source does not say of itself."""
    add = parser.add_argument
    add("source", metavar="SOURCE", help="folder of the weights")
    add("-o", "--out", required=True, metavar="BUNDLE", help="a new folder")
    which = "which model it is; auto reads config.gin or config.json beside the weights"
    add("--config", choices=CONFIGS, default="auto", help=which)
    add("--half", action="store_true", help="store float16: half the size, about 3 digits")


def main(args: argparse.Namespace) -> int:
    """Writes the bundle and reads it back."""
    import logging

    from mt3synth import bundle as bundles
    from mt3synth.importers import mapping, published
    from mt3synth.importers.open import open_checkpoint
    from mt3synth.param_check import count_params

    logging.getLogger("absl").setLevel(logging.ERROR)  # orbax warns that it will only read
    parse.parse(args.gin_file or [], args.gin_bindings)
    source, out = Path(args.source), Path(args.out)
    if out.exists():
        raise UserError(f"{out} exists; give a new folder")
    checkpoint = open_checkpoint(source)
    description = published.described(checkpoint, args.config)
    spec = mapping.model_spec(checkpoint, description)
    params = mapping.parameters(checkpoint, spec)
    origin = published.ORIGINS[checkpoint.format]
    performance = bundles.Performance(
        0, PERFORMANCE, f"The sound of {origin}, which knows no performances."
    )
    precision: Literal["float16", "float32"] = "float16" if args.half else "float32"
    card = published.card(out.name, spec, description, params, origin, precision)
    bundles.save(out, spec, (performance,), PERFORMANCE, params, card, precision)
    bundle = bundles.load(out)
    print(f"{out}: {count_params(params) / 1e6:.1f} M parameters, bundle {bundle.hash}")
    return 0
