"""URMP: 44 chamber pieces, each part recorded on its own and mixed (1.3 hours).

Li, Liu, Dinesh, Duan, Sharma, "Creating a Multitrack Classical Music Performance Dataset for
Multimodal Music Analysis" (IEEE Transactions on Multimedia 21(2), 2019); Dryad,
doi 10.5061/dryad.ng3r749, CC0 1.0. Its official layout::

    Dataset/01_Jupiter_vn_vc/AuMix_01_Jupiter_vn_vc.wav    48 kHz
                             AuSep_1_vn_01_Jupiter.wav     one a part
                             Notes_1_vn_01_Jupiter.txt     onset (s), pitch (Hz), duration (s)
                             F0s_1_vn_01_Jupiter.txt
                             Sco_01_Jupiter_vn_vc.mid      the score, not aligned

There is no index file: the folders are the list. A recording is the mix; its notes are those of all
``Notes_*.txt``, which follow the sound, the pitch (a note's mean F0) taken to the nearest key. The
instruments are those in the folder's name: in ``15_Surprise_tpt_tpt_tbn`` the files of the trombone
are named ``tpt``. ``sax`` does not say which saxophone; it is taken as the alto. Velocity is not
annotated: every note gets `shared.UNKNOWN_VELOCITY`.

Splits: none is published. The nine pieces that MT3 (Gardner et al., ICLR 2022) validated on are
taken as validation, all others as training. Variants of a piece (24 and 25, say) share the takes of
some parts; no title is on both sides but Spring, 08 in training and 12 in validation.
"""

from __future__ import annotations

import glob
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data_pipelines.recordings import AudioFile, Listing, Recording
from data_pipelines.sources.shared import NoteRow, nearest_key, notes_from_rows, number, read_text
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes

NAME = "urmp"
PERFORMANCES = {
    "all": "one for all pieces: recorded part by part and mixed in one project",
    "ensemble": "one for each set of instruments (37; six of them are in validation only)",
    "piece": "one for each piece (44; those in validation have no recording in training)",
    "parts": "one for each instrument (13), each part by itself being a recording (AuSep_*.wav)",
}

# fmt: off
INSTRUMENTS = {
    "vn": ("violin", 40), "va": ("viola", 41), "vc": ("cello", 42), "db": ("double bass", 43),
    "fl": ("flute", 73), "ob": ("oboe", 68), "cl": ("clarinet", 71), "sax": ("saxophone", 65),
    "bn": ("bassoon", 70), "tpt": ("trumpet", 56), "hn": ("horn", 60), "tbn": ("trombone", 57),
    "tba": ("tuba", 58),
}
# fmt: on
"""Abbreviation -> name and General MIDI program counted from 0."""

VALIDATION = {"01", "02", "12", "13", "24", "25", "31", "38", "39"}
_PIECE = re.compile(r"(\d\d)_([^_]+)((?:_[a-z]+)+)")
_MIN_HERTZ, _MAX_HERTZ = 8.0, 12543.9  # keys 0 and 127; 0 Hz stands for no pitch


@dataclass(frozen=True)
class PartFiles:
    """Reads the note annotations of a piece; a `NotesSource`.

    Attributes:
      paths: one file a part.
      instruments: the parts' instruments, by abbreviation.
    """

    paths: tuple[Path, ...]
    instruments: tuple[str, ...]

    def read(self) -> tuple[Notes, list[str]]:
        """Reads the notes of all parts.

        Raises:
          UserError: a file is missing or damaged (the message names the line), or no part has
            notes.
        """
        rows: list[NoteRow] = []
        remarks = []
        for part, (path, instrument) in enumerate(zip(self.paths, self.instruments), start=1):
            # The folder's name is right where the two differ: see the head of this file.
            named = path.name.split("_")[2]
            if named != instrument:
                remarks.append(f"part {part}: {named} in its file's name, taken as {instrument}")
            pitched, unpitched = _read_part(path, INSTRUMENTS[instrument][1])
            rows += pitched
            if unpitched:
                remarks.append(f"part {part}: {unpitched} notes without a pitch ignored")
        notes, general = notes_from_rows(rows, str(self.paths[0].parent))
        return notes, general + remarks


def _read_part(path: Path, program: int) -> tuple[list[NoteRow], int]:
    """Reads the notes of a part that have a pitch; counts those that have none."""
    rows = []
    unpitched = 0
    for line_number, line in enumerate(read_text(path).splitlines(), start=1):
        where = f"{path}, line {line_number}"
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 3:
            raise UserError(f"{where}: {len(fields)} columns; must be 3")
        onset = number(fields[0], "onset", where)
        hertz = number(fields[1], "pitch", where, high=_MAX_HERTZ)
        duration = number(fields[2], "duration", where)
        if hertz < _MIN_HERTZ:
            unpitched += 1
        else:
            key = nearest_key(69 + 12 * math.log2(hertz / 440))
            rows.append(NoteRow(onset, onset + duration, key, program))
    return rows, unpitched


def recordings(folder: Path, rule: str = "all") -> Listing:
    """Lists all pieces in the folder, or under the rule ``parts`` their parts.

    A piece without its mix, or without the notes of one of its parts, is rejected.

    Args:
      folder: ``Dataset/``, or the folder it is in.
      rule: how performances are told apart; one of `PERFORMANCES`.

    Raises:
      UserError: no such data set.
    """
    listing = Listing([], [])
    for piece in _pieces(folder):
        mix = piece.folder / f"AuMix_{piece.folder.name}.wav"
        with listing.rejecting(mix, piece.folder):
            notes = PartFiles(piece.files("Notes", ".txt"), piece.instruments)
            sounds = piece.files("AuSep", ".wav") if rule == "parts" else (mix,)
            missing = [sound.name for sound in sounds if not sound.is_file()]
            if missing:
                raise UserError(f"there is no {missing[0]}")
            listing.recordings.extend(_recordings_of(piece, sounds, notes, rule))
    return listing


@dataclass(frozen=True)
class _Piece:
    folder: Path
    number: str
    title: str
    instruments: tuple[str, ...]

    def files(self, kind: str, suffix: str) -> tuple[Path, ...]:
        """Finds one file a part, by the part's number, since not every file names its instrument.

        Raises:
          UserError: a part has none, or its instrument is unknown.
        """
        unknown = [instrument for instrument in self.instruments if instrument not in INSTRUMENTS]
        if unknown:
            raise UserError(f"instrument {unknown[0]!r}; must be one of {', '.join(INSTRUMENTS)}")
        found = []
        for part, instrument in enumerate(self.instruments, start=1):
            end = f"_{self.number}_{self.title}{suffix}"
            path = next(self.folder.glob(f"{kind}_{part}_*{glob.escape(end)}"), None)
            if path is None:
                raise UserError(f"there is no {kind}_{part}_{instrument}{end}")
            found.append(path)
        return tuple(found)


def _pieces(folder: Path) -> list[_Piece]:
    for root in (folder, folder / "Dataset"):
        inside = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
        pieces = [
            _Piece(path, match[1], match[2], tuple(match[3][1:].split("_")))
            for path in inside
            if (match := _PIECE.fullmatch(path.name))
        ]
        if pieces:
            return pieces
    raise UserError(f"{folder}: not URMP (no folder such as 01_Jupiter_vn_vc, in it or Dataset/)")


def _recordings_of(
    piece: _Piece, sounds: tuple[Path, ...], notes: PartFiles, rule: str
) -> Iterator[Recording]:
    name = piece.folder.name
    split = "validation" if piece.number in VALIDATION else "train"
    if rule == "parts":
        for part, instrument in enumerate(piece.instruments):
            sources = AudioFile(sounds[part]), PartFiles((notes.paths[part],), (instrument,))
            played = f"{NAME}_{instrument}", f"URMP: {INSTRUMENTS[instrument][0]} alone"
            yield Recording(f"{name}_{part + 1}", *sources, *played, split)
        return
    ensemble = sorted(piece.instruments, key=list(INSTRUMENTS).index)
    players = ", ".join(INSTRUMENTS[instrument][0] for instrument in ensemble)
    performance, description = {
        "all": (NAME, "URMP: parts recorded one by one and mixed"),
        "ensemble": (f"{NAME}_{'_'.join(ensemble)}", f"URMP: {players}"),
        "piece": (f"{NAME}_{name}", f"URMP, {name}: {players}"),
    }[rule]
    yield Recording(name, AudioFile(sounds[0]), notes, performance, description, split)
