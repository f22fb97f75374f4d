"""MusicNet: 330 recordings of classical music with note labels (34 hours).

Thickstun, Harchaoui, Kakade, "Learning Features of Music from Scratch" (ICLR 2017); version 1.0,
Zenodo record 5120004, published under CC BY 4.0, the recordings under Creative Commons licences or
in the public domain. Its official layout, ``musicnet.tar.gz`` and the list beside it::

    musicnet_metadata.csv        id,composer,composition,movement,ensemble,source,transcriber,
                                 catalog_name,seconds
    musicnet/train_data/1727.wav     44.1 kHz mono (320 of them; test_data: 10)
    musicnet/train_labels/1727.csv   start_time,end_time,instrument,note,start_beat,end_beat,
                                     note_value

Label times are samples at 44.1 kHz; ``instrument`` is a General MIDI program counted from 1. The
labels are scores aligned to the recordings by dynamic time warping, and carry no velocity: every
note gets `shared.UNKNOWN_VELOCITY`.

Splits: ``test_*`` is the official test set. No validation set is published; the 15 recordings that
MT3 (Gardner et al., ICLR 2022) validated on, all of them in ``train_*``, are taken.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from data_pipelines.recordings import AudioFile, Listing, NotesFile, Recording
from data_pipelines.sources.shared import NoteRow, check_files, notes_from_rows, read_text, whole
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes

NAME = "musicnet"
PERFORMANCES = {
    "source_ensemble": "one for each source and kind of ensemble (48): the same players, as far as "
    "the metadata tell, though European Archive and Museopen are collections of several",
    "source_work": "one for each work of a source (136; three have no recording in training): "
    "almost surely the same players in one place",
    "ensemble": "one for each kind of ensemble, whoever plays (21)",
    "source": "one for each source, whatever it plays (32)",
}

METADATA = "musicnet_metadata.csv"
SAMPLE_RATE = 44100
# fmt: off
VALIDATION = {"1733", "1765", "1790", "1818", "2160", "2198", "2289", "2300", "2308", "2315",
              "2336", "2466", "2477", "2504", "2611"}
# fmt: on
_COLUMNS = ("id", "composer", "composition", "ensemble", "source", "catalog_name")
_LABEL_COLUMNS = ("start_time", "end_time", "instrument", "note")
_SPLITS = ("train", "test")


class LabelFile(NotesFile):
    """Reads the labels of one recording, a CSV file; a `NotesSource`."""

    def read(self) -> tuple[Notes, list[str]]:
        """Reads its notes.

        Raises:
          UserError: the file is missing or damaged (the message names the line), or has no notes.
        """
        rows = []
        for where, row in _table(self.path, _LABEL_COLUMNS):
            start = whole(row["start_time"], "start_time", where)
            end = whole(row["end_time"], "end_time", where, low=start)
            program = whole(row["instrument"], "instrument", where, low=1, high=128) - 1
            key = whole(row["note"], "note", where, high=127)
            rows.append(NoteRow(start / SAMPLE_RATE, end / SAMPLE_RATE, key, program))
        return notes_from_rows(rows, str(self.path))


def recordings(folder: Path, rule: str = "source_ensemble") -> Listing:
    """Lists all recordings that the metadata name; rejects those whose files are missing.

    Args:
      folder: holds ``musicnet/`` and the metadata, or is ``musicnet/`` itself with the metadata
        in it or beside it.
      rule: how performances are told apart; one of `PERFORMANCES`.

    Raises:
      UserError: no such data set, or damaged metadata.
    """
    root, metadata = _locate(Path(folder))
    listing = Listing([], [])
    listed: set[str] = set()
    for where, row in _table(metadata, _COLUMNS):
        name = row["id"]
        if not name or name in listed:
            raise UserError(f"{where}: id={name!r}; must be there, and only once")
        listed.add(name)
        # One of its files is enough: a recording that lost the other must not change sides.
        part = "test" if any(path.is_file() for path in _files(root, "test", name)) else "train"
        audio, labels = _files(root, part, name)
        split = "validation" if part == "train" and name in VALIDATION else part
        with listing.rejecting(audio, labels):
            check_files(METADATA, audio, labels)
            sources = AudioFile(audio), LabelFile(labels)
            listing.recordings.append(Recording(name, *sources, *_performance(row, rule), split))
    for part in _SPLITS:
        for audio in sorted((root / f"{part}_data").glob("[!.]*.wav")):
            if audio.stem not in listed:
                listing.reject(*_files(root, part, audio.stem), f"not named by {METADATA}")
    return listing


def _performance(row: dict[str, str], rule: str) -> tuple[str, str]:
    """Returns the name of a recording's performance, and what it is."""
    source, ensemble, work = row["source"], row["ensemble"], row["catalog_name"]
    title = f"{row['composer']}, {row['composition']} ({work})"
    key, description = {
        "source_ensemble": ((source, ensemble), f"{ensemble}, {source}"),
        "source_work": ((source, work), f"{title}, {source}"),
        "ensemble": ((ensemble,), ensemble),
        "source": ((source,), source),
    }[rule]
    return "_".join((NAME, *key)), f"MusicNet: {description}"


def _locate(folder: Path) -> tuple[Path, Path]:
    for root in (folder, folder / "musicnet"):
        if any((root / f"{part}_labels").is_dir() for part in _SPLITS):
            break
    else:
        raise UserError(f"{folder}: not MusicNet (no folder musicnet/train_labels or test_labels)")
    for place in (root, root.resolve().parent):
        if (place / METADATA).is_file():
            return root, place / METADATA
    raise UserError(f"{root}: MusicNet without {METADATA}, in it or beside it")


def _files(root: Path, part: str, name: str) -> tuple[Path, Path]:
    return root / f"{part}_data" / f"{name}.wav", root / f"{part}_labels" / f"{name}.csv"


def _table(path: Path, columns: tuple[str, ...]) -> list[tuple[str, dict[str, str]]]:
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        missing = [column for column in columns if column not in (reader.fieldnames or ())]
        if missing:
            raise UserError(f"{path}: no column {missing[0]!r} in its first line")
        rows = []
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if any(row[column] is None for column in columns):
                raise UserError(f"{where}: only {sum(v is not None for v in row.values())} columns")
            rows.append((where, row))
        return rows
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: not CSV ({error})") from error
