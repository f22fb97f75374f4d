"""Open a local page on which songs are rendered in a browser; Ctrl-C ends it.

Only this machine reaches it unless --host says otherwise. Nothing is downloaded or sent anywhere.
"""

from __future__ import annotations

import argparse
import threading

from mt3synth.configuration import parse
from mt3synth.errors import UserError

HELP = "a page in the browser: drop a song, choose a performance, listen"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds where it is served, and with which model."""
    parser.add_argument("--bundle", metavar="DIR", help="a model other than the default one")
    parser.add_argument(
        "--host",
        # As mt3synth.demo.server has it, whose import is slow.
        default="127.0.0.1",
        help="address of this machine that others may use; 0.0.0.0 for all (127.0.0.1: nobody)",
    )
    parser.add_argument("--port", type=int, help="(the first that is free from 7860 on)")


def main(args: argparse.Namespace) -> int:
    """Serves the page until it is interrupted.

    Raises:
      UserError: no such port, or what the page needs is missing.
    """
    if args.port is not None and not 1 <= args.port <= 65535:
        raise UserError(f"--port {args.port}; must be from 1 to 65535")
    import mt3synth
    from mt3synth.commands.shared import compilation_cache
    from mt3synth.demo.server import serve

    parse.parse(args.gin_file or [], args.gin_bindings)
    compilation_cache.keep()
    with serve(mt3synth.load(args.bundle), args.host, args.port) as address:
        print(f"{address} (Ctrl-C ends it)", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
    return 0
