"""Reads a table of one's own recordings: ``audio,midi,performance`` and optional columns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from data_pipelines.filesystem import as_path, plain_path
from data_pipelines.recordings import AudioFile, Listing, MidiFile, Recording, plain_id
from mt3synth.errors import UserError
from mt3synth.reporting.tables import read_csv

MANIFEST_FILE = "manifest.csv"
REQUIRED = ("audio", "midi", "performance")
OPTIONAL = ("description", "split", "start", "end")


def read_manifest(path: Path) -> Listing:
    """Reads the recordings of a CSV file in UTF-8, paths relative to its folder.

    A recording's id is its audio path as it is written, without detours (``a/../b.wav`` is
    ``b.wav``), with start and end if they are given.

    Args:
      path: of the file. Columns are `REQUIRED` and any of `OPTIONAL`, in any order.

    Returns:
      The recordings, and a rejection for each row that is wrong in itself.

    Raises:
      UserError: the file is missing, is no CSV in UTF-8, lacks a column, has one that is not
        known, or has no rows.
    """
    rows = read_csv(path, partial(_check_columns, path))
    listing = Listing([], [])
    for line, row in rows:
        try:
            listing.recordings.append(_recording(row, path.parent))
        except UserError as error:
            reason = f"line {line} of {path.name}: {error}"
            listing.reject(row.get("audio") or "", row.get("midi") or "", reason)
    if not rows:
        raise UserError(f"{path}: has no rows under its head")
    return listing


def _check_columns(path: Path, names: Sequence[str]) -> None:
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise UserError(
            f"{path}: has no column {', '.join(missing)} (it has {', '.join(names) or 'none'}); "
            f"its first line must be {','.join(REQUIRED)} and any of {','.join(OPTIONAL)}"
        )
    unknown = [name for name in names if name not in (*REQUIRED, *OPTIONAL)]
    if unknown or len(set(names)) != len(names):
        raise UserError(
            f"{path}: column {', '.join(map(repr, unknown)) or 'names repeat and'} is not known; "
            f"columns are {','.join((*REQUIRED, *OPTIONAL))}"
        )


def _recording(row: dict[str | None, str | None], folder: Path) -> Recording:
    if None in row or None in row.values():
        raise UserError(f"has not as many cells as there are columns ({len(row) - (None in row)})")
    cell = {str(name): str(value).strip() for name, value in row.items()}
    for name in REQUIRED:
        if not cell[name]:
            raise UserError(f"{name} is empty")
    start, end = _seconds(cell, "start"), _seconds(cell, "end")
    span = "" if start is end is None else f" [{start or 0:g}-{'' if end is None else f'{end:g}'}]"
    audio, midi = (
        as_path(cell[n]) if "://" in cell[n] else plain_path(folder / cell[n]) for n in REQUIRED[:2]
    )
    about = cell["performance"], cell.get("description", "")
    sources, split = (AudioFile(audio), MidiFile(midi)), cell.get("split") or None
    return Recording(plain_id(cell["audio"]) + span, *sources, *about, split, start or 0.0, end)


def _seconds(cell: dict[str, str], name: str) -> float | None:
    text = cell.get(name, "")
    try:
        return float(text) if text else None
    except ValueError:
        raise UserError(f"{name} is {text!r}; must be a number of seconds") from None
