"""Train a small transcriber of mel frames, by which a model may learn and be validated.

Its weights lie in the folder of the run when it is finished, and `mt3synth train
--gin.TRANSCRIBER='"RUN"'` reads them there. Stopping, resuming, several devices and hosts are those
of `mt3synth train`.
"""

from __future__ import annotations

import argparse

from mt3synth.commands.train import add_run_arguments, conduct

HELP = "train a small transcriber of mel frames, for training"
DEFAULT_GIN = "gin_configs/runs/train_transcriber.gin"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that are not gin's."""
    add_run_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Trains what the gin files say; returns the exit status."""
    return conduct(args, DEFAULT_GIN, "mt3synth.training.transcriber.run")
