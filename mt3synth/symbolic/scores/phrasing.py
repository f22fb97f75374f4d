"""What players add to what is written: phrases, a slower ending, the weight of bars and of the top.

Everything here is scaled by how much expression is asked for, and gone at 0. After the rules of KTH
(Friberg, Bresin & Sundberg 2006); ``docs/scores.md`` says which, and how far.
"""

from __future__ import annotations

import itertools

import numpy as np

from mt3synth.symbolic.scores.written import WrittenScore

_ARCH_TEMPO = 0.08  # of the tempo, that a phrase is faster in its middle than at its ends
_ARCH_LEVEL = 12.0  # velocity, that it is louder there
_FINAL = 0.45  # of the tempo, that the last note is slower by
_FINAL_QUARTERS = 6.0  # of the ending
_FINAL_CURVE = 3.0  # q of Friberg & Sundberg 1999
_DOWNBEAT = 4.0  # velocity of the first beat of a measure
_PER_OCTAVE = 3.0  # velocity, higher notes being louder
_MOST_MEASURES = 4  # of a phrase where nothing else ends it


class Phrasing:
    """Knows what expression adds at each position of a score as it is played.

        phrasing = Phrasing(score, begins, expression=0.5)
        phrasing.tempo(np.array([3.0]))  # factor on the tempo
        phrasing.velocity(3.0, 72, 60.0)  # added to a note's velocity

    Args:
      score: as it is written.
      begins: where each measure begins as played, and where the last ends; quarters ``[m]``.
      expression: 0 for none, 1 for all.
    """

    def __init__(self, score: WrittenScore, begins: np.ndarray, expression: float) -> None:
        self._expression = expression
        self._edges = np.array(_find_edges(score, begins))
        self._downbeats = begins[:-1]
        self._end = float(begins[-1])

    def tempo(self, quarters: np.ndarray) -> np.ndarray:
        """Returns factors on the tempo."""
        arch = 1 + _ARCH_TEMPO * self._expression * (self._arch(quarters) - 0.5)
        # v(x) = [1 + (v_end^q - 1) x]^(1/q), x from 0 to 1 through the ending.
        x = np.clip(1 - (self._end - quarters) / _FINAL_QUARTERS, 0, 1)
        final = 1 - _FINAL * self._expression
        return np.asarray(arch * (1 + (final**_FINAL_CURVE - 1) * x) ** (1 / _FINAL_CURVE))

    def velocity(self, quarters: np.ndarray, keys: np.ndarray, middle: float) -> np.ndarray:
        """Returns what is added to the velocities of notes.

        Args:
          quarters: where they begin.
          keys: which they are.
          middle: the mean key of their part.
        """
        index = np.searchsorted(self._downbeats, quarters + 1e-6) - 1
        on_beat = np.abs(self._downbeats[np.maximum(index, 0)] - quarters) < 1e-3
        # About the middle of the arch, so that a phrase is as loud on average as it is written.
        added = _ARCH_LEVEL * (self._arch(quarters) - 0.5)
        added = added + np.where(on_beat, _DOWNBEAT, 0.0) + _PER_OCTAVE * (keys - middle) / 12
        return np.asarray(self._expression * added)

    def _arch(self, quarters: np.ndarray) -> np.ndarray:
        """Rises from 0 to 1 and falls again over each phrase, a parabola (Todd 1992)."""
        index = np.clip(np.searchsorted(self._edges, quarters, side="right"), 1, None)
        index = np.minimum(index, len(self._edges) - 1)
        left, right = self._edges[index - 1], self._edges[index]
        x = np.clip((quarters - left) / np.maximum(right - left, 1e-9), 0, 1)
        return np.asarray(4 * x * (1 - x))


def _find_edges(score: WrittenScore, begins: np.ndarray) -> list[float]:
    """Finds where phrases end: at double bars, fermatas, caesuras and rests of all."""
    marks = {*score.sections, *score.breaths, *(right for _, right in score.fermatas)}
    marks |= _find_silences(score)
    inside = np.array(sorted(marks))
    edges = [0.0]
    for i, begin in zip(score.order, begins):
        low, high = score.measures[i], score.measures[i + 1]
        first, last = np.searchsorted(inside, (low, high), side="right")
        edges += (inside[first:last] - low + begin).tolist()
    edges.append(float(begins[-1]))
    marked = sorted(set(edges))
    # What is longer than four measures is cut at barlines into phrases of about that length.
    whole = [marked[0]]
    for left, right in itertools.pairwise(marked):
        first, last = np.searchsorted(begins, (left + 1e-6, right - 1e-6))
        # Equal pieces, so that none is left over at the end.
        pieces = max(1, round((last - first + 1) / _MOST_MEASURES))
        whole += [float(begins[first + (last - first) * k // pieces]) for k in range(1, pieces)]
        whole.append(right)
    return whole


def _find_silences(score: WrittenScore) -> set[float]:
    """Finds where, after a rest of all parts, somebody begins again."""
    notes = sorted((n.start, n.end) for part in score.parts for n in part.notes)
    found, latest = set(), 0.0
    for start, end in notes:
        if start > latest + 1e-6:
            found.add(start)
        # The longest so far and not the last one: another part may still be sounding.
        latest = max(latest, end)
    return found
