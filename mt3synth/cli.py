"""The command `mt3synth` and its subcommands."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from mt3synth import __version__
from mt3synth.errors import UserError

COMMANDS = ("train",)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a subcommand; returns the exit status, 2 for what the user has to mend."""
    arguments, gin_bindings = _split_gin(list(sys.argv[1:] if argv is None else argv))
    args = _parser(arguments[0] if arguments else None).parse_args(arguments)
    args.gin_bindings = gin_bindings
    try:
        return args.main(args)
    except UserError as error:
        print(f"mt3synth {args.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"mt3synth {args.command}: interrupted", file=sys.stderr)
        return 2


def _split_gin(argv: list[str]) -> tuple[list[str], list[str]]:
    """``--gin.NAME=VALUE`` apart from everything else, as bindings."""
    prefix = "--gin."
    bindings = [a[len(prefix) :] for a in argv if a.startswith(prefix)]
    return [a for a in argv if not a.startswith(prefix)], bindings


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    """All subcommands by name; only the chosen one is imported for its options."""
    parser = argparse.ArgumentParser(prog="mt3synth", description=__doc__)
    parser.add_argument("--version", action="version", version=f"mt3synth {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = importlib.import_module(f"mt3synth.commands.{name}")
        sub = subparsers.add_parser(name, help=module.HELP, description=module.__doc__)
        sub.add_argument(
            "--gin_file", action="append", metavar="FILE", help="gin file; may be repeated"
        )
        module.add_arguments(sub)
        sub.set_defaults(main=module.main)
    return parser


if __name__ == "__main__":
    sys.exit(main())
