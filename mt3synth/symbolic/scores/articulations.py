"""How long and how hard single notes are: staccato, tenuto, accents, slurs, breath marks."""

from __future__ import annotations

from mt3synth.symbolic.scores.written import WrittenNote

GATES = {
    "Staccatissimo": 0.33,
    "Staccato": 0.5,
    "Spiccato": 0.5,
    "DetachedLegato": 0.67,
    "StrongAccent": 0.67,
    "Tenuto": 1.0,
}
"""The part of its written length that a note sounds, as in MuseScore; the least counts."""

_PORTATO = 0.67  # a dot under a slur
_FACTORS = {
    "StrongAccent": 1.3,
    "Accent": 1.2,
    "Spiccato": 1.0,
    "Stress": 1.1,
    "Unstress": 0.9,
    "SnapPizzicato": 1.2,
}
_UNSLURRED = 0.12  # of its length, how much earlier a note ends with full expression
_BREATH = 0.25  # of its length, at most


def gate(note: WrittenNote, expression: float = 0.0) -> float:
    """Returns the part of its written length that a note sounds.

    To the letter a note without a sign is held for its whole length. With expression, notes that
    no slur leads on from are let go a little early, as bows and tongues do.
    """
    if note.is_drum:
        return 1.0
    gates = [GATES[mark] for mark in note.marks if mark in GATES]
    if not gates:
        factor = 1.0 if "Slurred" in note.marks else 1.0 - _UNSLURRED * expression
    else:
        # The shortest of several signs counts: a staccato with an accent stays one.
        factor = min(gates)
        if factor < 1 and ("Tenuto" in note.marks or "Slurred" in note.marks):
            factor = max(factor, _PORTATO)
    return factor * (1 - _BREATH) if "BreathMark" in note.marks else factor


def accent(note: WrittenNote) -> float:
    """Returns the factor on a note's velocity; the strongest of its signs counts."""
    factors = [_FACTORS[mark] for mark in note.marks if mark in _FACTORS]
    # The strongest: two accents on one note are one in two manners of writing.
    return max(factors, default=1.0)
