"""Adds a command as its module describes it: HELP, its docstring, its options and its ``main``."""

from __future__ import annotations

import argparse
from types import ModuleType
from typing import Any


def add_subcommand(subparsers: Any, name: str, module: ModuleType) -> argparse.ArgumentParser:
    """Adds the parser of a command, and returns it.

    A command that itself has subcommands is added before them, and theirs is then the ``main``
    that the parsed options have.
    """
    # An option cut short would change its meaning when another one is added that begins like it.
    parser = subparsers.add_parser(
        name, help=module.HELP, description=module.__doc__, allow_abbrev=False
    )
    parser.set_defaults(main=getattr(module, "main", None), called=parser.prog)
    module.add_arguments(parser)
    return parser
