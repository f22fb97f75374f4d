"""Playing techniques that General MIDI has a program for: pizzicato, mutes, harmonics."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable

from mt3synth.symbolic.midi.findings import Findings
from mt3synth.symbolic.scores.written import WrittenNote, WrittenPart

_PIZZICATO, _MUTED_TRUMPET, _MUTED_GUITAR, _HARMONICS, _SLAP = 45, 59, 28, 31, 36
_STRINGS = {40, 41, 42, 43, 44, 48, 49, 110}
_BRASS = {56, 57, 60, 61}
_GUITARS = set(range(24, 31))
_BASSES = set(range(32, 38))

# A word, the programs it holds for, and the program that is heard. None: back to the part's own.
_WORDS: tuple[tuple[str, set[int], int | None], ...] = (
    (r"\bpizz", _STRINGS, _PIZZICATO),
    (r"\barco\b", _STRINGS, None),
    (r"\b(con sord|mute[ds]?\b|with mute)", _BRASS, _MUTED_TRUMPET),
    (r"\b(senza sord|open\b|via sord|unmuted)", _BRASS, None),
    (r"\b(p\. ?m\.|palm mut)", _GUITARS, _MUTED_GUITAR),
    (r"\bslap\b", _BASSES, _SLAP),
    (r"\b(nat(\.|ural)|ord(\.|inario)|normal)", _STRINGS | _BRASS | _GUITARS | _BASSES, None),
)
_UNHEARD = re.compile(
    r"\b(con sord|senza sord|sul (pont|tasto)|col legno|flaut(ando|ato)|flutter|frull|una corda)",
    re.IGNORECASE,
)


class Techniques:
    """Knows which program each note of a part is played by.

        techniques = Techniques([part], findings)
        techniques.program(note)  # 45 after "pizz."

    Args:
      parts: all staves of one player.
      findings: takes the techniques that no program has.
    """

    def __init__(self, parts: Iterable[WrittenPart], findings: Findings) -> None:
        parts = list(parts)
        words = sorted({word for part in parts for word in part.words})
        programs = {note.program for part in parts for note in part.notes if not note.is_drum}
        self._changes = {program: _find_changes(program, words) for program in programs}
        # What a program is found for is no technique that is ignored, whatever the list below says.
        heard = {at for changes in self._changes.values() for at, _ in changes}
        for at, text in words:
            if _UNHEARD.search(text) and at not in heard:
                findings.add("playing techniques without a program of their own: {} ignored")

    def program(self, note: WrittenNote) -> int:
        """Returns the General MIDI program of a note, from 0."""
        if note.is_drum:
            return 0
        if note.program in _STRINGS and note.marks & _PLUCKED:
            return _PIZZICATO
        if note.program in _GUITARS and note.marks & {"Harmonic", "StringHarmonic"}:
            return _HARMONICS
        changes = self._changes[note.program]
        index = bisect.bisect_right(changes, (note.start + 1e-6, 128))
        return changes[index - 1][1] if index else note.program


def _find_changes(program: int, words: list[tuple[float, str]]) -> list[tuple[float, int]]:
    """Lists from where on an instrument of this program is played by which one."""
    return [
        (at, program if becomes is None else becomes)
        for at, text in words
        for word, players, becomes in _WORDS
        if program in players and re.search(word, text, re.IGNORECASE)
    ]


_PLUCKED = {"Pizzicato", "SnapPizzicato", "NailPizzicato"}
