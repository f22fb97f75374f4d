"""MAESTRO v3: piano competitions recorded on Disklaviers, with the MIDI of their keys and pedals.

C. Hawthorne et al., "Enabling Factorized Piano Music Modeling and Generation with the MAESTRO
Dataset", ICLR 2019; version 3.0.0: 1276 performances, 198.7 hours, CC BY-NC-SA 4.0. The folder, as
published::

    maestro-v3.0.0.csv    canonical_composer, canonical_title, split, year, midi_filename,
                          audio_filename, duration (s)
    maestro-v3.0.0.json   the same by column: {"split": {"0": "train", ...}, ...}
    2018/MIDI-Unprocessed_Chamber3_MID--AUDIO_10_R3_2018_wav--1.midi    and .wav

A performance ends where the list says, when the last key goes up: the pedal, which often stays
down for seconds more, would have notes outlast the audio.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from data_pipelines.recordings import AudioFile, Listing, MidiFile, Recording
from data_pipelines.sources.shared import check_files, number, read_text, whole
from mt3synth.errors import UserError

NAME = "maestro"
PERFORMANCES = {
    "year": "one for each year of the competition: its halls, pianos and microphones (10)",
    "all": "one for everything",
}

_LISTS = ("maestro-v3.0.0.csv", "maestro-v3.0.0.json")
_COLUMNS = ("split", "year", "midi_filename", "audio_filename", "duration")


def recordings(folder: Path, rule: str = "year") -> Listing:
    """Lists the performances that the official list names, with its split.

    Args:
      folder: where ``maestro-v3.0.0.csv`` (or ``.json``) lies.
      rule: one of ``PERFORMANCES``.

    Raises:
      UserError: no list there, or a list without its columns.
    """
    listing = Listing([], [])
    seen: set[str] = set()
    for row in _official_list(folder):
        audio, midi = folder / row["audio_filename"], folder / row["midi_filename"]
        with listing.rejecting(audio, midi):
            if row["midi_filename"] in seen:
                raise UserError("named twice by the official list")
            check_files("the official list", audio, midi)
            listing.recordings.append(_recording(row, audio, midi, rule))
        seen.add(row["midi_filename"])  # rejected ones, too: a second mention is no better
    return listing


def _recording(row: Mapping[str, str], audio: Path, midi: Path, rule: str) -> Recording:
    year = whole(row["year"], "year", "official list")
    played = "Disklavier grand at the International Piano-e-Competition (MAESTRO v3)"
    return Recording(
        id=PurePosixPath(row["midi_filename"]).with_suffix("").as_posix(),
        audio=AudioFile(audio),
        notes=MidiFile(midi),
        performance=f"{NAME}/{year}" if rule == "year" else NAME,
        description=f"{played}, {year}" if rule == "year" else played,
        split=row["split"],
        end=number(row["duration"], "duration", "official list"),
    )


def _official_list(folder: Path) -> list[dict[str, str]]:
    """Reads the rows of the list, from whichever of its forms is there."""
    path = next((folder / name for name in _LISTS if (folder / name).is_file()), None)
    if path is None:
        raise UserError(f"{folder}: not MAESTRO v3 (neither {' nor '.join(_LISTS)})")
    text = read_text(path)
    try:
        if path.suffix == ".json":
            columns = json.loads(text)
            keys = columns[_COLUMNS[0]]
            return [{name: str(columns[name][key]) for name in _COLUMNS} for key in keys]
        rows = csv.DictReader(io.StringIO(text), restval="")
        return [{column: row[column] for column in _COLUMNS} for row in rows]
    except KeyError as error:
        raise UserError(f"{path}: not the list of MAESTRO v3 (no column {error})") from error
    except (csv.Error, AttributeError, TypeError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: not the list of MAESTRO v3 ({error})") from error
