"""Lines the measures of all parts up, as players do who meet at each barline.

Files round lengths, forget rests and write a cadenza into one part's measure; music21 then begins
each part's next measure where its own ended, and the parts drift by seconds over a movement.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

_STRETCHED = 1.05  # a measure may be this much too short by rounding; what lacks more lacks a rest


def offset(measure: Any) -> float:
    """Returns where one of music21's measures begins in its part; a whole part begins at 0."""
    return float(measure.offset) if "Measure" in measure.classes else 0.0


class Barlines:
    """Knows where each measure of each part begins and how much it is squeezed.

        barlines = Barlines(measures)
        barlines.starts  # of all measures, and the end of the last
        barlines.place(2, 7, 28.5)  # where that is which part 2 has at 28.5, in its measure 7

    Args:
      parts: music21's measures of each part.
    """

    def __init__(self, parts: Sequence[Sequence[Any]]) -> None:
        # Where music21 has put the measures; how far parts have drifted is read off these.
        self._bases = [[offset(measure) for measure in measures] for measures in parts]
        self._lengths = [
            [b - a for a, b in itertools.pairwise(bases)] + [float(measures[-1].highestTime)]
            for bases, measures in zip(self._bases, parts)
        ]
        count = max(len(measures) for measures in parts)
        self.starts = [0.0]
        for index in range(count):
            self.starts.append(self.starts[-1] + self._length(parts, index))

    def _length(self, parts: Sequence[Sequence[Any]], index: int) -> float:
        """Finds the length that most parts have; of several that nearest to the time signature."""
        having = [p for p in range(len(parts)) if index < len(parts[p])]
        lengths = Counter(round(self._lengths[p][index], 3) for p in having)
        if len(lengths) > 1:
            # Who rests has no say: rests of whole measures are often twice or half as long.
            playing = [p for p in having if _has_notes(parts[p][index])] or having
            lengths = Counter(round(self._lengths[p][index], 3) for p in playing)
        most = max(lengths.values())
        likely = [length for length, count in lengths.items() if count == most]
        bar = getattr(parts[having[0]][index], "barDuration", None)
        if len(likely) > 1 and bar is not None:
            likely.sort(key=lambda length: abs(length - float(bar.quarterLength)))
        # Not the rounded one, so that triplets stay exact.
        return next(
            self._lengths[p][index]
            for p in having
            if round(self._lengths[p][index], 3) == likely[0]
        )

    def scale(self, part: int, measure: int) -> float:
        """Returns the factor on lengths in a measure: below 1 if it holds too much."""
        own = self._lengths[part][measure]
        length = self.starts[measure + 1] - self.starts[measure]
        ratio = length / own if own > 0 else 1.0
        # What lacks much is left as it is: a rest is missing, and its notes are in time.
        return ratio if 0 < ratio <= _STRETCHED and abs(ratio - 1) > 1e-6 else 1.0

    def place(self, part: int, measure: int, at: float) -> float:
        """Moves a position of a part's own to where all parts have it."""
        inside = at - self._bases[part][measure]
        return self.starts[measure] + inside * self.scale(part, measure)


def _has_notes(measure: Any) -> bool:
    return measure.recurse().getElementsByClass("NotRest").first() is not None
