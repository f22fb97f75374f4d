"""Checks what sources of known data sets hold, saying where, and builds notes of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mt3synth.errors import UserError, explain_os_errors
from mt3synth.symbolic.notes import Notes

UNKNOWN_VELOCITY = 100
"""The velocity of every note of a data set that annotates none."""

MAX_ANNOTATION_BYTES = 64 << 20


class NoteRow(NamedTuple):
    """Holds one annotated note: onset, offset in seconds; MIDI key; General MIDI program."""

    start: float
    end: float
    pitch: int
    program: int


def check_files(table: str, *paths: Path) -> None:
    """Checks that the files which a data set's own ``table`` names are there.

    Raises:
      UserError: names those that are not.
    """
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise UserError(f"named by {table} but not there: {', '.join(missing)}")


def read_text(path: Path) -> str:
    """Reads a UTF-8 text file, without a byte-order mark.

    Raises:
      UserError: the file is missing, unreadable, over 64 MiB or not UTF-8.
    """
    try:
        with explain_os_errors(path):
            size = path.stat().st_size
            if size > MAX_ANNOTATION_BYTES:
                raise UserError(f"{path}: {size} bytes; may have at most {MAX_ANNOTATION_BYTES}")
            return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text file in UTF-8 (byte {error.start})") from error


def number(value: object, what: str, where: str, low: float = 0.0, high: float = math.inf) -> float:
    """Converts ``value``, text or number, to a finite float in ``low..high``.

    Raises:
      UserError: it is none; the message begins with ``where`` (file and row) and names ``what``.
    """
    try:
        # True and false are whole numbers to Python, and none in a table.
        numeric = isinstance(value, str | int | float) and not isinstance(value, bool)
        result = float(value) if numeric else math.nan  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        result = math.nan
    if not math.isfinite(result) or not low <= result <= high:
        bound = f"of at least {low:g}" if math.isinf(high) else f"in {low:g}..{high:g}"
        raise UserError(f"{where}: {what}={value!r}; must be a number {bound}")
    return result


def whole(value: object, what: str, where: str, low: int = 0, high: float = math.inf) -> int:
    """Converts ``value`` like `number`, and must find it whole."""
    result = number(value, what, where, low, high)
    if result != int(result):
        raise UserError(f"{where}: {what}={value!r}; must be a whole number")
    return int(result)


def nearest_key(pitch: float) -> int:
    """Returns the MIDI key nearest to a fractional one; halfway goes up."""
    return math.floor(pitch + 0.5)


def played_by(notes: Notes, program: int, is_drum: bool) -> Notes:
    """Gives all notes to one instrument: a General MIDI program counted from zero, or drums."""
    count = len(notes)
    return notes.replace(program=np.full(count, program), is_drum=np.full(count, is_drum))


def notes_from_rows(rows: Sequence[NoteRow], where: str) -> tuple[Notes, list[str]]:
    """Builds notes of constant velocity, sorted, and remarks on what the rows lack.

    Rows that end where they start are left out and counted in the remarks.

    Raises:
      UserError: not one row has a length.
    """
    sounding = [row for row in rows if row.end > row.start]
    if not sounding:
        raise UserError(f"{where}: no notes")
    start, end, pitch, program = zip(*sounding)
    notes = Notes(
        start=np.array(start),
        end=np.array(end),
        pitch=np.array(pitch),
        velocity=np.full(len(sounding), UNKNOWN_VELOCITY),
        program=np.array(program),
        is_drum=np.zeros(len(sounding), bool),
    )
    remarks = [f"velocity is not annotated: {UNKNOWN_VELOCITY} for every note"]
    if len(sounding) < len(rows):
        remarks.append(f"notes without a length: {len(rows) - len(sounding)} ignored")
    return notes.sorted(), remarks
