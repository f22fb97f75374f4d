"""MIDI in, music out, in the sound of a performance you name."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from mt3synth import __version__
from mt3synth.commands.shared.subcommands import add_subcommand
from mt3synth.errors import UserError, explain_files, explain_memory
from mt3synth.standard_error import survive_broken_stderr

COMMANDS = (
    "synthesize",
    "demo",
    "vocode",
    "performances",
    "prepare",
    "train",
    "train-vocoder",
    "train-transcriber",
    "train-embedder",
    "adapt",
    "evaluate",
    "experiment",
    "export",
    "import",
    "doctor",
)
"""Modules or packages of `mt3synth.commands`. They import what is slow only when they run."""

_MODULES = {
    "import": "import_weights",
    "train-vocoder": "train_vocoder",
    "train-transcriber": "train_transcriber",
    "train-embedder": "train_embedder",
}
"""Where the module cannot have the name of its command."""

_GIN = "--gin."


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a subcommand; returns the exit status, 2 for what the user has to mend."""
    return conduct(_parser, "mt3synth", argv)


def conduct(
    make_parser: Callable[[], argparse.ArgumentParser],
    program: str,
    argv: Sequence[str] | None = None,
) -> int:
    """Parses arguments and does what they say; errors of the user become one line and status 2.

    Args:
      make_parser: of the arguments that are not gin's; its defaults are ``main``, which gets what
        was parsed, with ``gin_bindings``, and returns the exit status, and the name ``called``.
      program: its name, until ``called`` is known.
      argv: the arguments; None takes those of the process.
    """
    with survive_broken_stderr():
        try:
            arguments, gin_bindings = _split_gin(sys.argv[1:] if argv is None else argv, program)
            args = make_parser().parse_args(arguments)
            program = args.called
            args.gin_bindings = gin_bindings
            with explain_memory(), explain_files():
                status: int = args.main(args)
            if sys.stdout is not None:  # it was closed when Python began
                sys.stdout.flush()
            return status
        except BrokenPipeError:
            # Whoever read has gone, as `| head -1` does, and wants to hear no more of it. Python
            # flushes once more when it ends, and would complain then.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except _UsageError as error:
            return _fail(str(error))
        except UserError as error:
            return _fail(f"{program}: {error}")
        except KeyboardInterrupt:
            return _fail(f"{program}: interrupted")


class _UsageError(UserError):
    """Arguments that do not parse."""


class Parser(argparse.ArgumentParser):
    """Raises what is wrong with the arguments, where argparse would print its usage and exit."""

    def error(self, message: str) -> NoReturn:
        raise _UsageError(f"{self.prog}: {message}; see `{self.prog} --help`")


def _fail(line: str) -> int:
    # Messages that quote other libraries may have line breaks in them.
    print(" ".join(line.split()), file=sys.stderr)
    return 2


def _split_gin(argv: Sequence[str], program: str = "mt3synth") -> tuple[list[str], list[str]]:
    """Takes ``--gin.NAME=VALUE`` out of the arguments, as bindings.

    argparse could not: the names are whatever gin knows.
    """
    bindings = [a.removeprefix(_GIN) for a in argv if a.startswith(_GIN)]
    for binding in bindings:
        if "=" not in binding:
            raise _UsageError(f"{program}: {_GIN}{binding} has no value; write {_GIN}NAME=VALUE")
    return [a for a in argv if not a.startswith(_GIN)], bindings


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="mt3synth", description=__doc__, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"mt3synth {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        # Every module is imported for any --help, so none of them may import anything slow.
        module = importlib.import_module(f"mt3synth.commands.{_MODULES.get(name, name)}")
        add_gin_arguments(add_subcommand(subparsers, name, module))
    return parser


def add_gin_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what says how gin configures a command."""
    gin = parser.add_argument_group("configuration")
    gin.add_argument(
        "--gin_file", action="append", metavar="FILE", help="gin file; may be repeated"
    )
    # Taken out by _split_gin; declared for the help alone.
    gin.add_argument("--gin.NAME", dest="gin_bindings", metavar="VALUE", help="one gin binding")


if __name__ == "__main__":
    sys.exit(main())
