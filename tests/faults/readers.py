"""What is read of broken files, as far as the command line reads them: one function for each kind.

A reader makes its seeds once, from files of this repository and tiny ones made here. For each case
it makes broken files in a folder of its own, and returns what reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Protocol

ROOT = Path(__file__).parents[2]

Case = Callable[[], object]
"""Reads what was broken."""


class Reader(Protocol):
    """Makes the cases of one kind."""

    def __init__(self, folder: Path) -> None:
        """Makes the seeds, below ``folder`` if they are files."""

    def break_one(self, folder: Path, rng: Random) -> Case:
        """Makes broken files in an empty folder, and returns what reads them."""

    def command(self, folder: Path) -> list[str]:
        """Returns arguments of the command line that read what `break_one` has left there."""


def make_reader(kind: str, folder: Path) -> Reader:
    """Makes the reader of a kind."""
    import data_readers
    import midi_reader
    import model_readers
    import score_reader

    kinds: dict[str, Callable[[Path], Reader]] = {
        "midi": midi_reader.MidiReader,
        "score": score_reader.ScoreReader,
        **model_readers.READERS,
        **data_readers.READERS,
    }
    return kinds[kind](folder)
