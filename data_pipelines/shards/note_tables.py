"""Converts notes to one array, which files, TensorFlow and memory maps can carry."""

from __future__ import annotations

import numpy as np

from mt3synth.symbolic.note_curves import NoteCurves
from mt3synth.symbolic.notes import Notes

NOTE_COLUMNS = ("start", "end", "pitch", "velocity", "program", "is_drum")

KNOT_COLUMNS = ("knot", "seconds", "semitones", "gain")
"""Further columns where notes have curves (`mt3synth.symbolic.note_curves`). A note then has a row
for each knot of its curve, numbered from 0, and these rows share all columns of the note."""


def notes_to_table(notes: Notes) -> np.ndarray:
    """Makes a table, float64 ``[n, 6]``, in the order of ``NOTE_COLUMNS``.

    Of notes with curves it is ``[k, 10]``, with ``KNOT_COLUMNS`` behind them.
    """
    columns = [np.asarray(getattr(notes, name), np.float64) for name in NOTE_COLUMNS]
    table = np.stack(columns, axis=1)
    curves = notes.curves
    if curves is None:
        return table
    number = np.arange(int(curves.count.sum())) - np.repeat(
        np.cumsum(curves.count) - curves.count, curves.count
    )
    knots = np.stack([number, curves.seconds, curves.semitones, curves.gain], axis=1)
    return np.concatenate([np.repeat(table, curves.count, axis=0), knots], axis=1)


def notes_from_table(table: np.ndarray) -> Notes:
    """Makes notes of a table, the inverse of `notes_to_table`.

    Raises:
      ValueError: it is none of notes.
    """
    if not np.isfinite(table).all():
        raise ValueError("a note with a value that is no finite number")
    width = len(NOTE_COLUMNS)
    if table.shape[1] == width:
        return Notes(**dict(zip(NOTE_COLUMNS, table.T)))
    first = np.flatnonzero(table[:, width] == 0)
    count = np.diff(np.append(first, len(table)))
    curves = NoteCurves(count, *table[:, width + 1 :].T)
    return Notes(**dict(zip(NOTE_COLUMNS, table[first].T)), curves=curves)


def with_knots(table: np.ndarray) -> np.ndarray:
    """Adds ``KNOT_COLUMNS`` to the table of notes that have no curves."""
    if table.shape[1] > len(NOTE_COLUMNS):
        return table
    plain = np.tile([0.0, 0.0, 0.0, 1.0], (len(table), 1))
    return np.concatenate([table, plain], axis=1)
