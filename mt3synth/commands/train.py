"""`mt3synth train`: a run described by gin files."""

from __future__ import annotations

import argparse
import os

from mt3synth import gin_files
from mt3synth.commands import gin_settings
from mt3synth.errors import UserError

HELP = "train a model, or go on training one"
DEFAULT_GIN = "gin_configs/runs/train_unet_small.gin"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that are not gin's."""
    parser.add_argument("--data", metavar="DIR", help="corpus to train on (DATA_FOLDER)")
    parser.add_argument("--run", metavar="DIR", help="folder of the run (RUN_FOLDER)")
    parser.add_argument("--init-from", metavar="BUNDLE", help="begin with a bundle's weights")


def main(args: argparse.Namespace) -> int:
    """Runs what the gin files say."""
    # NumPy only prepares batches here; its threads would spin where XLA's should work. It reads
    # this when it is first imported, which the gin files below bring about.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    named = {"DATA_FOLDER": args.data, "RUN_FOLDER": args.run, "INIT_FROM": args.init_from}
    bindings = [f"{name}={value!r}" for name, value in named.items() if value is not None]
    gin_files.parse(args.gin_file or [DEFAULT_GIN], [*bindings, *args.gin_bindings])

    import gin

    try:
        from mt3synth.training.run import run

        gin.get_configurable(run)()
    except ModuleNotFoundError as error:
        raise UserError(
            f"{error.name} is not installed; training needs `pip install 'mt3synth[train]'`"
        ) from error
    except (UserError, FloatingPointError) as error:
        raise UserError(gin_settings.own_words(error)) from error
    return 0
