"""Writes thin music: a tune, a scale, single and held notes of one instrument; drum hits alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mt3synth.evaluation.metrics.thin import HITS
from mt3synth.symbolic.group_seconds import DRUMS
from mt3synth.symbolic.groups import DEFAULT_GROUPS
from mt3synth.symbolic.notes import Notes

GROUPS = (*(group.name for group in DEFAULT_GROUPS), DRUMS)
VELOCITIES = (30, 60, 100)
STARTS = (0.0, 0.5)
"""Seconds: files begin with their first note more often than pieces of a corpus do."""
RING_S = 1.5

_TUNE = (0, 4, 7, 12, 0, 4, 7, 12)  # C E G C, twice
_SCALE = (0, 2, 4, 5, 7, 9, 11, 12)
_SINGLE = (-5, 4, 16)
_REST_S = 1.0
_HELD_S = 4.0
_C = {"bass": 36, "cello": 48, "bassoon": 48, "horn": 48, "violin": 60, "oboe": 72, "flute": 72}
"""The C from which each group plays, where middle C would take it out of its range."""
_FADING = {"piano", "mallets", "guitar", "bass", "harp"}


def tune(velocity: int = 60, program: int = 0, key: int = 60) -> Notes:
    """Plays C E G C twice, eight notes of half a second from time 0 on."""
    return _line(_TUNE, 0.5, velocity, program, key)


def thin_piece(group: str, velocity: int, start: float) -> Notes:
    """Packs what is measured of a group into one piece, rests of a second between its parts.

    From time 0 on there is the tune, and a note of 4 s if the group can hold one; from any later
    time the tune, a scale and three single notes. Drums play each hit of
    `mt3synth.evaluation.metrics.thin.HITS` alone.

    Args:
      group: of `GROUPS`.
      velocity: of all notes.
      start: seconds before the first.
    """
    if group == DRUMS:
        hits = [_line((key,), 0.1, velocity, 0, 0, drum=True) for key in HITS]
        return _in_turn(hits, start)
    program = next(g.representative for g in DEFAULT_GROUPS if g.name == group)
    of = (velocity, program, _C.get(group, 60))
    parts = [tune(*of)]
    if start:
        parts += [_line(_SCALE, 0.25, *of), *(_line((step,), 0.5, *of) for step in _SINGLE)]
    elif group not in _FADING:
        parts.append(_line((0,), _HELD_S, *of))
    return _in_turn(parts, start)


def _line(
    steps: Sequence[int], length: float, velocity: int, program: int, key: int, drum: bool = False
) -> Notes:
    """Plays semitones above ``key`` one after the other, each for ``length`` seconds."""
    start = np.arange(len(steps)) * length
    same = np.ones(len(steps), int)
    pitch = key + np.array(steps)
    return Notes(start, start + length, pitch, velocity * same, program * same, drum * same)


def _in_turn(parts: Sequence[Notes], start: float) -> Notes:
    placed = []
    for part in parts:
        placed.append(part.shifted(start))
        start = placed[-1].end_time + _REST_S
    return Notes.concatenate(placed)
