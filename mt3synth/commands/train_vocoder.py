"""Train a vocoder, or go on training one, as gin files describe it.

--data names a prepared folder, whose sound is all that is used of it; more of them go into a list,
--gin.DATA_FOLDER='["A", "B"]'. `mt3synth export --run RUN -o FOLDER` writes what a rendering can
use. Stopping, resuming, several devices and hosts are those of `mt3synth train`.
"""

from __future__ import annotations

import argparse

from mt3synth.commands.train import add_run_arguments, conduct

HELP = "train a vocoder, or go on training one"
DEFAULT_GIN = "gin_configs/runs/train_vocoder.gin"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that are not gin's."""
    add_run_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Trains what the gin files say; returns the exit status."""
    return conduct(args, DEFAULT_GIN, "mt3synth.training.vocoder.run")
