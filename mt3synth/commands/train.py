"""Train a model, or go on training one, as gin files describe it.

SIGTERM and Ctrl-C let the step at hand end, save, and leave with status 143 or 130; the same
command then goes on from there, and so it does after any other end. With several hosts every one
runs the same command; a TPU pod, SLURM and Kubernetes jobs are recognised, elsewhere --coordinator,
--process-count and --process-index (or MT3SYNTH_COORDINATOR, MT3SYNTH_PROCESS_COUNT and
MT3SYNTH_PROCESS_INDEX) say who takes part.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import re
import sys
from functools import partial
from typing import TYPE_CHECKING

from mt3synth.configuration import build, parse
from mt3synth.errors import UserError

if TYPE_CHECKING:
    from mt3synth.training.preemption import Stopped

HELP = "train a model, or go on training one"
DEFAULT_GIN = "gin_configs/runs/train_unet_notes.gin"
MESH_AXES = ("data", "fsdp", "tensor")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that are not gin's."""
    add_run_arguments(parser)
    add = parser.add_argument
    begin = "begin with a bundle's weights; `default` is mt3synth's own (INIT_FROM)"
    add("--init-from", metavar="BUNDLE", help=begin)
    add_several = partial(add, action="append")
    like = "a new performance begins with a known one's embedding; may be repeated (INIT_LIKE)"
    add_several("--init-like", metavar="NEW=KNOWN", help=like)
    stay = "parameters that stay as they are, by path; may be repeated (FREEZE)"
    add_several("--freeze", metavar="PATTERN", help=stay)
    # None where a flag is not given, for then gin's macro stands.
    add_flag = partial(add, action="store_true", default=None)
    drop = "drop the bundle's performances that the data have not (ONLY_MINE)"
    add_flag("--only-mine", help=drop)
    keep = "learn embeddings of new performances alone; all that is known stays (KEEP_KNOWN)"
    add_flag("--keep-known", help=keep)
    allow = "train though a performance of the data has no training audio (ALLOW_UNTRAINED)"
    add_flag("--allow-untrained", help=allow)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that every run has, whatever is trained."""
    add = parser.add_argument
    add("--data", metavar="DIR", help="corpus to train on (DATA_FOLDER)")
    add("--run", metavar="DIR", help="folder of the run (RUN_FOLDER)")
    minutes = "train for so long instead of a number of steps (BUDGET_MINUTES)"
    add("--budget-minutes", type=float, metavar="M", help=minutes)
    mesh = "devices along data, fsdp and tensor, -1 for all that are left (MESH_DATA, ...)"
    add("--mesh", metavar="AXIS=N,...", help=mesh)
    add("--profile", metavar="START:STOP", help="steps of which to record a trace (PROFILE)")
    hosts = parser.add_argument_group("several hosts")
    hosts.add_argument("--coordinator", metavar="HOST:PORT", help="where process 0 listens")
    hosts.add_argument("--process-count", type=int, metavar="N", help="processes in all")
    hosts.add_argument("--process-index", type=int, metavar="I", help="of this one, from 0")


def main(args: argparse.Namespace) -> int:
    """Trains what the gin files say; returns the exit status."""
    return conduct(args, DEFAULT_GIN, "mt3synth.training.diffusion.run")


def conduct(args: argparse.Namespace, default_gin: str, module: str) -> int:
    """Calls the function ``run`` of a module with what gin has bound to it.

    Args:
      args: of the command.
      default_gin: file that is read if none is given.
      module: its name; imported when the processes of the run have found each other.

    Returns:
      The exit status.

    Raises:
      UserError: the configuration or the data are to be mended, or the loss is not finite.
    """
    settle_libraries()
    try:
        from mt3synth.training.parallel import distributed

        # Before gin imports anything that asks JAX for its devices, after which it is too late.
        distributed.initialize(args.coordinator, args.process_count, args.process_index)
        parse.parse(args.gin_file or [default_gin], [*_bindings(args), *args.gin_bindings])

        import gin

        from mt3synth.training.preemption import Stopped

        run = importlib.import_module(module).run
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error

    # A run asks for its settings when it is about to begin; until then its values are at fault.
    configured = False

    def settings() -> str:
        nonlocal configured
        configured = True
        return str(gin.operative_config_str())

    try:
        gin.get_configurable(run)(settings=settings)
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error
    except (UserError, FloatingPointError) as error:
        raise UserError(build.first_line(error)) from error
    except (TypeError, ValueError) as error:
        if configured:
            raise
        raise UserError(f"gin configuration: {build.first_line(error)}") from error
    except Stopped as stopped:
        return report_stop(stopped, args.command)
    return 0


def settle_libraries() -> None:
    """Sets up what is around a run: threads that leave the cores to XLA, and logs that say nothing.

    To be called before NumPy and JAX are imported.
    """
    # NumPy only prepares batches here; its threads would spin where XLA's should work. It reads
    # this when it is first imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # XLA and CUDA would write pages about devices above the first line of the run; errors stay.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # What goes wrong in a checkpoint is reported in one line; orbax logs pages beside it.
    for name in ("absl", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def report_stop(stopped: Stopped, command: str = "train") -> int:
    """Reports that a run was ended early; returns the exit status."""
    line = build.first_line(stopped)
    print(f"mt3synth {command}: {line}; the same command goes on from there", file=sys.stderr)
    return stopped.status


def _bindings(args: argparse.Namespace) -> list[str]:
    """Writes the options as bindings of gin's macros."""
    named = {
        "DATA_FOLDER": args.data,
        "RUN_FOLDER": args.run,
        "INIT_FROM": getattr(args, "init_from", None),
        "INIT_LIKE": getattr(args, "init_like", None),
        "ONLY_MINE": getattr(args, "only_mine", None),
        "KEEP_KNOWN": getattr(args, "keep_known", None),
        "ALLOW_UNTRAINED": getattr(args, "allow_untrained", None),
        "FREEZE": getattr(args, "freeze", None),
        "BUDGET_MINUTES": args.budget_minutes,
        "PROFILE": args.profile,
        **_mesh(args.mesh),
    }
    # As the gin files have them: tuples.
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in named.items()}
    return [f"{name}={value!r}" for name, value in given.items() if value is not None]


def _mesh(text: str | None) -> dict[str, int]:
    """Reads ``data=4,fsdp=2`` as macros; an axis that is not named is 1, but data what is left."""
    if text is None:
        return {}
    sizes = {}
    for part in text.split(","):
        match = re.fullmatch(rf"({'|'.join(MESH_AXES)})=(-?\d+)", part.strip())
        if not match or match[1] in sizes:
            raise UserError(
                f"--mesh {text}: {part.strip()!r} is not AXIS=N with one of {', '.join(MESH_AXES)}"
            )
        sizes[match[1]] = int(match[2])
    return {f"MESH_{axis.upper()}": size for axis, size in sizes.items()}


def _not_installed(error: ModuleNotFoundError) -> UserError:
    return UserError(
        f"{error.name} is not installed; training needs `pip install 'mt3synth[train]'`"
    )
