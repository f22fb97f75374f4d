"""Counts onsets that are heard in mel frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mt3synth.types import Bool, Float

TOLERANCE = 2
"""Frames by which an onset may be heard too early or too late: 40 ms of the default frames."""


@dataclass(frozen=True)
class Score:
    """Counts onsets.

    Attributes:
      matched: found again.
      reference: there.
      heard: heard, whether they are there or not.
    """

    matched: int
    reference: int
    heard: int

    def __add__(self, other: Score) -> Score:
        """Adds counts up."""
        return Score(
            self.matched + other.matched, self.reference + other.reference, self.heard + other.heard
        )

    @property
    def precision(self) -> float:
        """Share of what was heard that is there."""
        return self.matched / self.heard if self.heard else 0.0

    @property
    def recall(self) -> float:
        """Share of what is there that was heard."""
        return self.matched / self.reference if self.reference else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        both = self.heard + self.reference
        return 2 * self.matched / both if both else 0.0


def find_onsets(chances: Float[np.ndarray, "B T K"]) -> Bool[np.ndarray, "B T K"]:
    """Finds peaks along time of what is more likely than not; of a plateau the first frame."""
    before = np.pad(chances[:, :-1], ((0, 0), (1, 0), (0, 0)))
    after = np.pad(chances[:, 1:], ((0, 0), (0, 1), (0, 0)))
    return (chances > 0.5) & (chances > before) & (chances >= after)


def count_onsets(heard: Float[np.ndarray, "B T K"], real: Float[np.ndarray, "B T K"]) -> Score:
    """Counts which onsets are heard, each once, on its key and within `TOLERANCE` frames.

    Args:
      heard: how likely a note begins.
      real: the same of what is to be heard.
    """
    ours, theirs = find_onsets(heard), find_onsets(real)
    matched = 0
    for b, k in zip(*np.nonzero(ours.any(axis=1) & theirs.any(axis=1))):
        mine, wanted = np.flatnonzero(ours[b, :, k]), np.flatnonzero(theirs[b, :, k])
        i = j = 0
        # In order of time: on one key the earliest that fits is never a worse choice.
        while i < len(mine) and j < len(wanted):
            if abs(mine[i] - wanted[j]) <= TOLERANCE:
                matched, i, j = matched + 1, i + 1, j + 1
            elif mine[i] < wanted[j]:
                i += 1
            else:
                j += 1
    return Score(matched, int(theirs.sum()), int(ours.sum()))
