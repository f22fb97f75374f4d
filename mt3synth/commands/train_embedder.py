"""Train an embedding of mel frames, by which performances are told apart.

Its weights lie in the folder of the run when it is finished, and `mt3synth evaluate --embedding
performance --embedding-source RUN` reads them there. Stopping, resuming, several devices and hosts
are those of `mt3synth train`.
"""

from __future__ import annotations

import argparse

from mt3synth.commands.train import add_run_arguments, conduct

HELP = "train an embedding that tells performances apart, for evaluation"
DEFAULT_GIN = "gin_configs/runs/train_embedder.gin"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that are not gin's."""
    add_run_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Trains what the gin files say; returns the exit status."""
    return conduct(args, DEFAULT_GIN, "mt3synth.training.embedder.run")
