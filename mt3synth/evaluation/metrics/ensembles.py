"""Names who plays in a piece, as far as a transcriber's mistakes depend on it.

A mean over all music hides what is worst: struck and plucked notes live by their attacks, bowed and
blown ones do not, and drums cover both.
"""

from __future__ import annotations

from mt3synth.symbolic.notes import Notes

ENSEMBLES = ("piano", "strings", "winds", "band with drums", "other")
"""In the order of tables; ``other`` is whatever is none of these, mixtures among them."""

# Families of General MIDI, from zero: harpsichord and clavinet are struck keys like the piano; harp
# and timpani stand among the strings and are none.
_PIANO = frozenset(range(8))
_STRINGS = frozenset({40, 41, 42, 43, 44, 45, 48, 49, 50, 51})
_WINDS = frozenset(range(56, 80))


def name_ensemble(notes: Notes) -> str:
    """Names the ensemble of a piece, one of `ENSEMBLES`."""
    if notes.is_drum.any():
        return "band with drums"
    programs = set(notes.program.tolist())
    for name, family in (("piano", _PIANO), ("strings", _STRINGS), ("winds", _WINDS)):
        if programs and programs <= family:
            return name
    return "other"
