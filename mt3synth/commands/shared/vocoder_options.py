"""Adds options that say what turns frames into audio."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mt3synth.configuration import build

if TYPE_CHECKING:
    from mt3synth.bundle import Bundle
    from mt3synth.vocoder.protocol import Vocoder

# As mt3synth.vocoder.registry has them, whose import would slow every command's --help.
NAMES = ("neural", "griffin-lim", "soundstream")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds ``--vocoder``, and where it comes from."""
    group = parser.add_argument_group("vocoder")
    group.add_argument(
        "--vocoder", choices=NAMES, help="(the bundle's own, neural, or without one griffin-lim)"
    )
    group.add_argument(
        "--vocoder-source",
        metavar="PATH",
        help="folder of another trained vocoder; for soundstream, folder or address of its "
        "SavedModel",
    )


def read(args: argparse.Namespace, bundle: Bundle) -> Vocoder:
    """Makes the vocoder that options, bundle and gin's configuration give together; see `make`."""
    return make(args.vocoder, args.vocoder_source, bundle)


def make(name: str | None, source: str | None, bundle: Bundle) -> Vocoder:
    """Makes the vocoder of a name, or else the bundle's own, with what gin says of it.

    Raises:
      UserError: there is no such vocoder, it inverts other frames, or gin refuses a value.
    """
    from mt3synth.vocoder.griffin_lim import GriffinLim
    from mt3synth.vocoder.registry import make_vocoder

    def griffin_lim(**arguments: object) -> Vocoder:
        return build.build(GriffinLim, **arguments)

    return make_vocoder(name, bundle.spec.mel, bundle.vocoder, source, griffin_lim)
