"""Adds options that say how loud a song is, and what becomes of its peaks."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mt3synth.audio.level import LevelConfig


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds ``--peaks`` and ``--loudness``."""
    group = parser.add_argument_group("level")
    # Choices and default stand here as mt3synth.audio.level has them, whose import is slow.
    group.add_argument(
        "--peaks",
        choices=("limit", "scale"),
        default="limit",
        help="above full scale: take off rare ones, or turn the whole song down (limit)",
    )
    group.add_argument(
        "--loudness",
        type=float,
        metavar="LUFS",
        help="integrated loudness of each song, such as -16 (as the model makes it)",
    )


def read(args: argparse.Namespace) -> LevelConfig:
    """Builds what the options say.

    Raises:
      UserError: a loudness out of its bounds.
    """
    from mt3synth.audio.level import LevelConfig

    return LevelConfig(args.peaks, args.loudness)
