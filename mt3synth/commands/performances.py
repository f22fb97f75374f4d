"""List the performances that a model knows, one a line, name first."""

from __future__ import annotations

import argparse

from mt3synth.configuration import parse

HELP = "list the performances that a model knows"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the option for another model."""
    parser.add_argument("--bundle", metavar="DIR", help="a model other than the default one")


def main(args: argparse.Namespace) -> int:
    """Prints them in the order of their indices."""
    from mt3synth import bundle as bundles

    parse.parse(args.gin_file or [], args.gin_bindings)
    bundle = bundles.load(args.bundle or bundles.DEFAULT)
    width = max(len(p.name) for p in bundle.performances)
    for p in bundle.performances:
        default = " (default)" if p.name == bundle.default else ""
        print(f"{p.name:{width}}  {p.description}{default}")
    return 0
