"""Converts notes to one array, which files, TensorFlow and memory maps can carry."""

from __future__ import annotations

import numpy as np

from mt3synth.symbolic.notes import Notes

NOTE_COLUMNS = ("start", "end", "pitch", "velocity", "program", "is_drum")


def notes_to_table(notes: Notes) -> np.ndarray:
    """Makes a table, float64 ``[n, 6]``, in the order of ``NOTE_COLUMNS``."""
    columns = [np.asarray(getattr(notes, name), np.float64) for name in NOTE_COLUMNS]
    return np.stack(columns, axis=1)


def notes_from_table(table: np.ndarray) -> Notes:
    """Makes notes of a table, the inverse of `notes_to_table`."""
    return Notes(**dict(zip(NOTE_COLUMNS, table.T)))
