"""Judges a pair by the notes that a transcriber hears, at which alignment never looks.

Alignment follows chroma and the energy of each key; the same evidence says of its mistakes that
they are right. A transcriber is a network of its own. It misses notes and makes some up, so that
single ones prove nothing: in each stretch of the pair, the notes it hears are laid over those that
are written at all offsets, and where many more of them meet elsewhere than at 0, it is off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mt3synth.symbolic.notes import Notes
from mt3synth.types import FloatND

WITHIN_S = 0.07
"""How far apart a written and a heard onset may be and still meet."""
OFF_S = 0.15
"""A stretch whose onsets meet only so far away, or farther, is off."""
_SPAN_S, _HOP_S = 8.0, 4.0
_REACH_S, _STEP_S = 1.5, 0.02
_FEWEST_NOTES = 8  # of a stretch; of fewer some meet anywhere
_CLEAR = 0.25  # share of a stretch's notes that must meet beyond those that meet by chance
_CLEARLY_BETTER = 0.25  # likewise, beyond those that meet near 0, for a stretch to be off
_ENOUGH = 0.5  # share of the stretches that must be clear, for anything to be said


@dataclass(frozen=True)
class Stretch:
    """Says how a few seconds of a pair meet what is heard.

    Attributes:
      start, end: seconds of the recording.
      offset: at which most onsets meet, seconds; positive if the sound comes later.
      met: share of the notes that meet there, 0..1.
      near: the same at the best offset at which onsets less than `OFF_S` away meet.
      chance: the same at the median offset.
    """

    start: float
    end: float
    offset: float
    met: float
    near: float
    chance: float

    @property
    def clear(self) -> bool:
        """Tells whether enough is heard to know where the notes are."""
        return self.met - self.chance >= _CLEAR

    @property
    def off(self) -> bool:
        """Tells whether the notes are clearly somewhere else."""
        return self.clear and self.met - self.near >= _CLEARLY_BETTER


def compare_with_heard(notes: Notes, heard: Notes) -> list[Stretch]:
    """Lays notes that are heard over those that are written, in stretches of 8 s.

    Args:
      notes: in seconds of the sound; drums are left out.
      heard: what a transcriber makes of the sound, whatever instruments it names.

    Returns:
      Every stretch with at least 8 notes, 4 s after the one before.
    """
    notes, heard = (n.select(~n.is_drum).sorted() for n in (notes, heard))
    offsets = np.arange(-_REACH_S, _REACH_S + _STEP_S / 2, _STEP_S)
    # For all notes once; stretches overlap and take their rows of it.
    meets = _find_meetings(notes, heard, offsets)
    stretches = []
    for start in np.arange(0.0, max(notes.end_time - _SPAN_S, 0.0) + _HOP_S, _HOP_S):
        inside = (notes.start >= start) & (notes.start < start + _SPAN_S)
        if inside.sum() < _FEWEST_NOTES:
            continue
        share = meets[inside].mean(axis=0)
        # Onsets that meet there are less than `OFF_S` away.
        near = np.abs(offsets) <= OFF_S - WITHIN_S
        best = np.flatnonzero(share == share.max())
        runs = np.split(best, np.flatnonzero(np.diff(best) > 1) + 1)
        # Of equally good offsets those nearest to 0 count, for a pair is innocent until then; and
        # of a run of them the middle, for onsets meet from `WITHIN_S` before to as much after.
        offset = min((offsets[run].mean() for run in runs), key=abs)
        stretches.append(
            Stretch(
                start=float(start),
                end=float(start + _SPAN_S),
                offset=float(offset),
                met=float(share.max()),
                near=float(share[near].max()),
                chance=float(np.median(share)),
            )
        )
    return stretches


def can_be_judged(stretches: list[Stretch]) -> bool:
    """Tells whether enough was heard to say anything of the pair."""
    # Of a recording that is mostly unclear to a transcriber, the clear rest may be chance.
    clear = sum(stretch.clear for stretch in stretches)
    return bool(stretches) and clear >= _ENOUGH * len(stretches)


def find_displacement(stretches: list[Stretch]) -> str | None:
    """Says in one line where the worst stretch is off; None if none is."""
    off = [stretch for stretch in stretches if stretch.off]
    if not off:
        return None
    worst = max(off, key=lambda stretch: abs(stretch.offset))
    side = "after" if worst.offset > 0 else "before"
    return (
        f"off in {len(off)} of {len(stretches)} stretches, most from {worst.start:.0f} to "
        f"{worst.end:.0f} s, where the sound comes {abs(round(1000 * worst.offset))} ms {side} "
        "the notes"
    )


def _find_meetings(notes: Notes, heard: Notes, offsets: FloatND) -> FloatND:
    """Tells which notes meet a heard one of their key at which offsets, bool ``[n, G]``."""
    meets = np.zeros((len(notes), len(offsets)), bool)
    # Key by key: a heard note of another key proves nothing.
    for pitch in np.unique(notes.pitch):
        own = np.flatnonzero(notes.pitch == pitch)
        onsets = heard.start[heard.pitch == pitch]
        if not len(onsets):
            continue
        times = notes.start[own][:, None] + offsets
        after = np.searchsorted(onsets, times)
        beside = [np.clip(after - before, 0, len(onsets) - 1) for before in (0, 1)]
        distance = np.min([np.abs(onsets[index] - times) for index in beside], axis=0)
        meets[own] = distance <= WITHIN_S
    return meets
