"""Splits a song into its parts, so that each player can be rendered alone."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mt3synth.errors import UserError, unknown
from mt3synth.symbolic.group_seconds import DRUMS
from mt3synth.symbolic.groups import InstrumentGroup, program_table
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis.sampling import SamplingConfig
from mt3synth.types import Int


@dataclass(frozen=True, eq=False)
class Part:
    """What one player plays of a song.

        for part in split_parts(score.notes, spec.roll.groups, score.channel):
            part.name, len(part.notes)

    Attributes:
      name: of the instrument, with a number from 2 on where several play it: "violin", "violin-2".
        No two parts of a song share one.
      instrument: name of the instrument group, or "drums".
      notes: in seconds of the song.
      rows: where these notes stand among those of the song, int64 ``[n]``.
      channel: MIDI channel that all of them are on, or None where none was given.
    """

    name: str
    instrument: str
    notes: Notes
    rows: Int[np.ndarray, " n"]
    channel: int | None

    def is_called(self, name: str) -> bool:
        """Says whether a name means this part: its own, or that of its instrument."""
        return name in (self.name, self.instrument)


def split_parts(
    notes: Notes, groups: Sequence[InstrumentGroup], channel: Int[np.ndarray, " n"] | None = None
) -> tuple[Part, ...]:
    """Splits a song by instrument group, and by MIDI channel where channels are known.

    Args:
      notes: of the song.
      groups: instruments that the model tells apart.
      channel: of each note.

    Returns:
      The parts in the order of the groups, drums last; every note is in one of them.
    """
    names = [*(group.name for group in groups), DRUMS]
    # By the groups of the model and not by programs: two that it plays with one sound are one
    # player.
    instrument = np.where(notes.is_drum, len(groups), program_table(groups)[notes.program])
    # Without channels all notes of a group are one player's.
    player = np.zeros(len(notes), np.int32) if channel is None else channel
    parts = []
    for index in np.unique(instrument):
        players = np.unique(player[instrument == index])
        # Numbered within the instrument, so that a part keeps its name if another instrument is
        # added.
        for number, who in enumerate(players, 1):
            rows = np.flatnonzero((instrument == index) & (player == who))
            name = names[index] if number == 1 else f"{names[index]}-{number}"
            known = None if channel is None else int(who)
            parts.append(Part(name, names[index], notes.select(rows), rows, known))
    return tuple(parts)


def check_part(name: str, parts: Sequence[Part]) -> None:
    """Refuses a name that means no part of a song.

    Raises:
      UserError: naming the parts that there are.
    """
    if not any(part.is_called(name) for part in parts):
        raise UserError(f"no part {unknown(name, [part.name for part in parts])}")


def part_config(config: SamplingConfig, name: str) -> SamplingConfig:
    """Returns how a part is sampled: as the song is, from a seed of its own.

    The seed follows from the song's and the part's name. Two parts would otherwise get the same
    noise, which adds up in a mix; and a part sounds the same whatever else is in the song.
    """
    # Of a hash that is the same in every process, as Python's own is not.
    digest = hashlib.sha256(f"{config.seed} {name}".encode()).digest()
    return dataclasses.replace(config, seed=int.from_bytes(digest[:4], "little"))
