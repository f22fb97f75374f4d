"""GuitarSet: 360 excerpts of six guitarists, accompanying and improvising (3 hours).

Xi, Bittner, Pauwels, Ye, Bello, "GuitarSet: A Dataset for Guitar Transcription" (ISMIR 2018);
version 1.1.0, Zenodo record 3371780, CC BY 4.0. Its official layout, each folder the contents of
the zip of its name::

    annotation/00_BN1-129-Eb_comp.jams       player, style and progression, tempo, key, comp or solo
    audio_mono-mic/00_BN1-129-Eb_comp_mic.wav           a Neumann U-87 before the guitar
    audio_mono-pickup_mix/00_BN1-129-Eb_comp_mix.wav    the pickup's six strings, mixed
    audio_hex-pickup_original, audio_hex-pickup_debleeded   one channel a string; not used

There is no index file: the annotations are the list, once for each of the two audio folders that
is there. Notes are the six ``note_midi`` annotations, one a string, the fractional pitch taken to
the nearest key. Velocity is not annotated: every note gets `shared.UNKNOWN_VELOCITY`. The program
is the steel-string guitar's, as in the authors' own conversion to MIDI.

Two annotations are known to be late by a constant (marl/GuitarSet, issue 5); they are rejected.

Splits: none is published. As in MT3 (Gardner et al., ICLR 2022) the first two progressions of each
style are for training, the third for validation, so that what was played over one lead sheet, by
all players, in both tempi, comp and solo, stays on one side.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data_pipelines.recordings import AudioFile, Listing, NotesFile, Recording
from data_pipelines.sources.shared import NoteRow, nearest_key, notes_from_rows, number, read_text
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes

NAME = "guitarset"
PERFORMANCES = {
    "player_microphone": "one for each player through each microphone (12)",
    "player": "one for each player, whatever the microphone (6)",
    "microphone": "one for each microphone, whoever plays (2)",
}

STEEL_GUITAR = 25
LATE = {"04_BN3-154-E_comp": 0.409, "04_Jazz1-200-B_comp": 0.309}
"""Seconds by which the notes of an excerpt come too late (marl/GuitarSet, issue 5)."""

_MICROPHONES = {
    "mic": ("audio_mono-mic", "_mic.wav", "Neumann U-87 microphone"),
    "pickup": ("audio_mono-pickup_mix", "_mix.wav", "mixed hexaphonic pickup"),
}
_EXCERPT = re.compile(r"(\d\d)_(?:BN|Funk|Jazz|Rock|SS)([123])-\d+-[A-G][#b]?_(?:comp|solo)")
_STRINGS = 6


class JamsFile(NotesFile):
    """Reads the notes of a JAMS file; a `NotesSource`."""

    def read(self) -> tuple[Notes, list[str]]:
        """Reads the notes of all six strings.

        Raises:
          UserError: the file is missing or damaged (the message names string and note), lacks a
            string, or has no notes.
        """
        rows = []
        for where, note in self._note_midi():
            start = number(note.get("time"), "time", where)
            end = start + number(note.get("duration"), "duration", where)
            key = nearest_key(number(note.get("value"), "value", where, high=127))
            rows.append(NoteRow(start, end, key, STEEL_GUITAR))
        return notes_from_rows(rows, str(self.path))

    def _note_midi(self) -> Iterator[tuple[str, dict[str, Any]]]:
        try:
            content = json.loads(read_text(self.path))
        except (json.JSONDecodeError, RecursionError) as error:
            raise UserError(f"{self.path}: not JSON ({error})") from error
        annotations = content.get("annotations") if isinstance(content, dict) else None
        if not isinstance(annotations, list):
            raise UserError(f"{self.path}: not JAMS (it has no list of annotations)")
        strings = [
            a for a in annotations if isinstance(a, dict) and a.get("namespace") == "note_midi"
        ]
        if len(strings) != _STRINGS:
            raise UserError(f"{self.path}: note_midi of {len(strings)} strings; must be {_STRINGS}")
        for string, annotation in enumerate(strings):
            notes = annotation.get("data")
            if not isinstance(notes, list):
                raise UserError(f"{self.path}, string {string}: data is not a list of notes")
            for row, note in enumerate(notes, start=1):
                where = f"{self.path}, string {string}, note {row}"
                if not isinstance(note, dict):
                    raise UserError(f"{where}: not an observation with time, duration and value")
                yield where, note


def recordings(folder: Path, rule: str = "player_microphone") -> Listing:
    """Lists every annotated excerpt through the microphone and through the pickup.

    An audio folder that is not there is not asked for; a file missing in one that is there, audio
    without annotation, and the two annotations known to be late are rejected.

    Args:
      folder: holds ``annotation/`` and one or both of the audio folders.
      rule: how performances are told apart; one of `PERFORMANCES`.

    Raises:
      UserError: no such data set.
    """
    excerpts = sorted((folder / "annotation").glob("[!.]*.jams"))
    if not excerpts:
        raise UserError(f"{folder}: not GuitarSet (no annotation/*.jams)")
    microphones = [
        name for name, (place, _, _) in _MICROPHONES.items() if (folder / place).is_dir()
    ]
    if not microphones:
        raise UserError(f"{folder}: GuitarSet without audio_mono-mic/ or audio_mono-pickup_mix/")
    listing = Listing([], [])
    for microphone in microphones:
        place, suffix, _ = _MICROPHONES[microphone]
        for jams in excerpts:
            audio = folder / place / f"{jams.stem}{suffix}"
            with listing.rejecting(audio, jams):
                listing.recordings.append(_recording(audio, jams, microphone, rule))
        annotated = {f"{jams.stem}{suffix}" for jams in excerpts}
        for audio in sorted((folder / place).glob("[!.]*.wav")):
            if audio.name not in annotated:
                jams = folder / "annotation" / f"{audio.name.removesuffix(suffix)}.jams"
                listing.reject(audio, jams, f"there is no {jams.name}")
    return listing


def _recording(audio: Path, jams: Path, microphone: str, rule: str) -> Recording:
    excerpt = _EXCERPT.fullmatch(jams.stem)
    if excerpt is None:
        raise UserError("its name is not like 00_BN1-129-Eb_comp")
    if jams.stem in LATE:
        raise UserError(f"its annotation is {LATE[jams.stem]} s late (marl/GuitarSet, issue 5)")
    if not audio.is_file():
        raise UserError(f"there is no {audio.name}")
    player, progression = excerpt.groups()
    chain = _MICROPHONES[microphone][2]
    performance, description = {
        "player_microphone": (f"{NAME}_{player}_{microphone}", f"player {player}, {chain}"),
        "player": (f"{NAME}_{player}", f"player {player}"),
        "microphone": (f"{NAME}_{microphone}", chain),
    }[rule]
    # By progression, not by player: so what was played over one lead sheet stays on one side.
    split = "validation" if progression == "3" else "train"
    sources = AudioFile(audio), JamsFile(jams)
    return Recording(audio.stem, *sources, performance, f"GuitarSet: {description}", split)
