"""Give a model a new performance from a recording of it, 30 seconds or more.

The notes of the recording are those of --midi, aligned to the sound if they are not there yet, or
are transcribed. First the performance's embedding is learned, in minutes; with --minutes also what
the performance adds to the weights. All other performances stay as they are, to the last bit.

  mt3synth adapt --audio take.wav --midi take.mid --name "my room" --minutes 30 -o bundles/mine
  mt3synth synthesize song.mid --bundle bundles/mine --performance "my room"
"""

from __future__ import annotations

import argparse

from mt3synth.commands.train import report_stop, settle_libraries
from mt3synth.configuration import parse
from mt3synth.errors import UserError, first_line

HELP = "give a model a new performance, from a recording"
_OPTIONAL = (
    *("midi", "bundle", "minutes", "added_steps", "rank", "denoiser", "steps", "seed", "run"),
    *("description", "transcriber", "program", "threshold"),
)
"""Arguments of `mt3synth.adapt` that have a default there."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `mt3synth adapt`."""
    add = parser.add_argument
    add("--audio", required=True, metavar="TAKE.wav", help="the recording")
    add("--midi", metavar="TAKE.mid", help="what is played in it (default: it is transcribed)")
    add("--name", required=True, metavar="NAME", help="of the new performance")
    add("-o", "--output", required=True, metavar="DIR", help="folder of the new bundle")
    add("--bundle", metavar="DIR", help="a model other than the default one")
    add("--description", metavar="TEXT", help="of the performance, for people")
    more = (
        "learn for so long what the performance adds to the weights (default: an embedding alone)"
    )
    add("--minutes", type=float, metavar="M", help=more)
    same = "the same in steps, which give the same result on any machine"
    add("--added-steps", type=int, metavar="N", help=same)
    heard = "module:attribute or file.py:attribute, or the name of one (default: basic-pitch)"
    add("--transcriber", metavar="NAME", help=heard)
    program = "General MIDI program of all notes, 0..127 (default: what MIDI or transcriber say)"
    add("--program", type=int, metavar="N", help=program)
    add("--threshold", type=float, metavar="X", help="confidence of alignment, 0..1 (default 0.4)")
    add("--rank", type=int, metavar="R", help="of what is added to each matrix (default 8)")
    unheard = "leave the denoiser as it is, which `synthesize --steps 0` does not use"
    add("--no-denoiser", dest="denoiser", action="store_false", default=None, help=unheard)
    add("--steps", type=int, metavar="N", help="in which the embedding is learned (default 300)")
    add("--seed", type=int, metavar="N", help="of all that is drawn (default 0)")
    add("--run", metavar="DIR", help="keep what is written while learning, and go on there")


def main(args: argparse.Namespace) -> int:
    """Makes the bundle; returns the exit status."""
    if args.threshold is not None and not 0 <= args.threshold <= 1:
        raise UserError(f"--threshold {args.threshold:g}; must be within 0..1")
    settle_libraries()
    parse.parse(args.gin_file or [], args.gin_bindings)
    try:
        import mt3synth
        from mt3synth.training.preemption import Stopped

        given = {k: v for k in _OPTIONAL if (v := getattr(args, k)) is not None}
        print(mt3synth.adapt(args.audio, args.name, args.output, **given))
    except ModuleNotFoundError as error:
        raise UserError(
            f"{error.name} is not installed; pip install 'mt3synth[train,align]'"
        ) from error
    except FloatingPointError as error:
        raise UserError(first_line(error)) from error
    except Stopped as stopped:
        if args.run is None:
            raise UserError(
                f"{first_line(stopped)}, but nothing was kept; --run keeps it"
            ) from stopped
        return report_stop(stopped, args.command)
    return 0
