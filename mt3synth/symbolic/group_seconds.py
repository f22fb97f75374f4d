"""Measures for how long each instrument group sounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mt3synth.symbolic.groups import InstrumentGroup, program_table
from mt3synth.symbolic.notes import Notes

DRUMS = "drums"
"""Name of what drum notes are, beside the instrument groups."""


def group_seconds(
    notes: Notes, groups: Sequence[InstrumentGroup], drum_seconds: float
) -> dict[str, float]:
    """Returns the seconds in which at least one note of a group sounds, by name of the group.

    Groups that do not play are left out.

        group_seconds(notes, DEFAULT_GROUPS, drum_seconds=0.15)["piano"]

    Args:
      notes: of a song.
      groups: instrument groups; drum notes are counted as ``DRUMS``.
      drum_seconds: length of a drum note, for drums have no offset.
    """
    # Behind all groups, as in the note list.
    drums = len(groups)
    group = np.where(notes.is_drum, drums, program_table(groups)[notes.program])
    end = np.where(notes.is_drum, notes.start + drum_seconds, notes.end)
    names = [*(each.name for each in groups), DRUMS]
    return {
        names[index]: _union(notes.start[group == index], end[group == index])
        for index in np.unique(group)
    }


def _union(start: np.ndarray, end: np.ndarray) -> float:
    """Returns the length of the union of intervals."""
    order = np.argsort(start, kind="stable")
    start, end = start[order], np.maximum.accumulate(end[order])
    # What an interval adds is what lies behind all that began before it.
    before = np.concatenate([[-np.inf], end[:-1]])
    return float(np.sum(np.maximum(0.0, end - np.maximum(start, before))))
