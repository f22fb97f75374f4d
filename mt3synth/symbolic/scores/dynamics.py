"""How loud: dynamic marks, hairpins, cresc. and dim., accents of one note (sf, fp).

Levels are MIDI velocities. The rules and their sources are in ``docs/scores.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from mt3synth.symbolic.midi.findings import Findings
from mt3synth.symbolic.scores.written import WrittenPart

LEVELS = {
    "n": 1,
    "pppppp": 2,
    "ppppp": 5,
    "pppp": 10,
    "ppp": 16,
    "pp": 33,
    "p": 49,
    "mp": 64,
    "mf": 80,
    "f": 96,
    "ff": 112,
    "fff": 126,
    "ffff": 127,
    "fffff": 127,
    "ffffff": 127,
}
"""The velocity of each mark, as MuseScore plays it."""

DEFAULT = LEVELS["mf"]
STEP = 16
"""From one mark to the next, between pp and ff."""

_SOFTEST, _LOUDEST = LEVELS["ppp"], LEVELS["fff"]
_FORCED = {"sf", "sfz", "fz", "sff", "sffz", "sfpp", "sfp", "fp", "sfffz"}
_STRESSED = {"rf", "rfz"}
_AFTER = {"fp": "p", "sfp": "p", "sfpp": "pp"}  # what holds from the next note on
_LOUDER = re.compile(r"\bcres(c|\b)|^più f|^piu f|\blouder\b", re.IGNORECASE)
_SOFTER = re.compile(
    r"\b(dim(in)?\b|diminuendo|decresc|smorz|moren|calando|perdendo|più p\b|piu p\b)", re.IGNORECASE
)
_UNENDED, _FARTHEST = 16.0, 32.0  # quarters that "cresc." reaches: if nothing ends it, and at most
_FALL = 0.5  # quarters in which a held fp has become soft
_NEAR = 1.0  # a mark this many quarters after a hairpin's end is where it leads


class Levels:
    """Knows the velocity at each position of a part.

        levels = Levels([part], findings)
        levels.at(4.0)  # 64, half way from p to f
        levels.accent(4.0)  # 0; 32 where there is a sforzato

    Args:
      parts: all staves of one player, who share what is printed.
      findings: takes what is not understood.
    """

    def __init__(self, parts: Iterable[WrittenPart], findings: Findings) -> None:
        parts = list(parts)
        marks: dict[float, float] = {}
        self._accents: dict[float, int] = {}
        self._falls: dict[float, float] = {}
        onsets = sorted({note.start for part in parts for note in part.notes})
        for at, name in sorted(d for part in parts for d in part.dynamics):
            # A mark is meant for a note, and not for the 32nd before it.
            at = _snap(at, onsets)
            if name in LEVELS:
                marks[at] = float(LEVELS[name])
            elif name in _FORCED:
                self._accents[at] = 2 * STEP
                if name in _AFTER:
                    self._falls[at] = float(LEVELS[_AFTER[name]])
                    marks[_next(at, onsets)] = self._falls[at]
            elif name in _STRESSED:
                self._accents[at] = STEP
            else:
                findings.add("dynamic marks that are no usual ones: {} ignored")
        spans = {h for part in parts for h in part.hairpins}
        # After the printed hairpins, whose beginnings end what a word has begun.
        spans |= _find_words([w for part in parts for w in part.words], sorted(marks), spans)
        self._times, self._values = _trace(sorted(marks.items()), sorted(spans))

    def at(self, position: float) -> float:
        """Returns the velocity at a position, before accents."""
        # Of two points at one position the later one counts: a mark holds from its note on.
        return float(np.interp(position, self._times, self._values))

    def within(self, begin: float, end: float) -> tuple[tuple[float, float], ...]:
        """Lists the levels while a note is held: (quarters after its beginning, velocity).

        One alone where nothing changes; else they are joined by lines.
        """
        level = self.at(begin)
        if begin in self._falls:
            soft, struck = self._falls[begin], level + self.accent(begin)
            return (0.0, struck), (min(_FALL, end - begin), soft)
        first, last = np.searchsorted(self._times, (begin + 1e-6, end - 1e-6))
        inside = zip(self._times[first:last].tolist(), self._values[first:last].tolist())
        # A mark at the end is the next note's.
        points = [(at - begin, value) for at, value in inside]
        points.append((end - begin, self.at(end - 2e-6)))
        if all(abs(value - level) < 1e-6 for _, value in points):
            return ((0.0, level),)
        return ((0.0, level), *points)

    def accent(self, position: float) -> int:
        """Returns what a sforzato adds to the velocity of the notes that begin here."""
        return self._accents.get(position, 0)


def _snap(at: float, onsets: list[float]) -> float:
    """Moves a mark to the note that begins within a 32nd of it: programs print them a bit aside."""
    index = int(np.searchsorted(onsets, at - 0.126))
    return onsets[index] if index < len(onsets) and abs(onsets[index] - at) <= 0.125 else at


def _next(at: float, onsets: list[float]) -> float:
    index = int(np.searchsorted(onsets, at, side="right"))
    return onsets[index] if index < len(onsets) else at + 1.0


def _find_words(
    words: list[tuple[float, str]],
    marks: list[float],
    hairpins: Iterable[tuple[float, float, int]],
) -> set[tuple[float, float, int]]:
    """Reads cresc. and dim. as hairpins up to the next mark, hairpin or such word."""
    found = [
        (at, 1 if _LOUDER.search(text) else -1)
        for at, text in words
        if _LOUDER.search(text) or _SOFTER.search(text)
    ]
    stops = sorted([*marks, *(h[0] for h in hairpins), *(at for at, _ in found)])
    spans = set()
    for at, direction in found:
        end = next((stop for stop in stops if stop > at + 1e-6), at + _UNENDED)
        # Longer than this nobody swells evenly; the level is held until the mark.
        spans.add((at, min(end, at + _FARTHEST), direction))
    return spans


def _trace(
    marks: list[tuple[float, float]], spans: list[tuple[float, float, int]]
) -> tuple[np.ndarray, np.ndarray]:
    """Draws the level over the score: steps at marks, lines along hairpins."""
    times, values = [0.0], [float(DEFAULT)]

    def step(at: float, value: float) -> None:
        # Two points at one position make a step.
        times.extend((max(at, times[-1]),) * 2)
        values.extend((values[-1], value))

    remaining = list(marks)
    for index, (begin, end, direction) in enumerate(spans):
        while remaining and remaining[0][0] <= begin + 1e-6:
            step(*remaining.pop(0))
        if begin < times[-1] - 1e-6:  # within the one before: it has been played
            continue
        following = spans[index + 1][0] if index + 1 < len(spans) else np.inf
        end = min(end, max(following, begin))
        # Marks inside are stations on the way.
        while remaining and remaining[0][0] < end - 1e-6:
            at, value = remaining.pop(0)
            times.extend((max(begin, times[-1]), at))
            values.extend((values[-1], value))
            begin = at
        here = values[-1]
        goal = here + direction * STEP
        if remaining and remaining[0][0] <= end + _NEAR:
            marked = remaining[0][1]
            # A mark in the other direction is sudden: "cresc." to a subito p.
            if (marked - here) * direction > 0:
                goal = marked
        # Within what is ever written: a chain of hairpins without marks would leave MIDI's range.
        goal = float(min(max(goal, _SOFTEST), _LOUDEST))
        times.extend((max(begin, times[-1]), max(end, times[-1])))
        values.extend((here, goal))
    for at, value in remaining:
        step(at, value)
    return np.array(times), np.array(values)
