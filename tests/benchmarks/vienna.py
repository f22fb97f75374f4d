"""Reads the Vienna 4x22 corpus: four pieces, each played by 22 pianists, every note matched.

A match file has the notes of the score in beats and those that were played in seconds, and says
which is which, so that the true time of every written note is known. The corpus is at
https://github.com/CPJKU/vienna4x22 and is no part of this project; match files of other music are
read as well. Needs ``pip install partitura``, which is made by the corpus' authors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np

from mt3synth.symbolic.notes import Notes

PIECES = ("Chopin_op10_no3", "Chopin_op38", "Mozart_K331_1st-mov", "Schubert_D783_no15")
_LEAD_S = 1.0
_SHORTEST_BEATS = 0.05  # grace notes have no length in a match file
_VELOCITY = 80  # of a score that says nothing of loudness
_PIANO = 0


@dataclass(frozen=True, eq=False)
class Played:
    """Holds a score and how it was played.

    Attributes:
      name: of piece and pianist.
      score: at one tempo from beginning to end, the pianist's mean; sorted.
      truth: when each note of the score was played, seconds ``[n]``; NaN for one left out.
      played: every note that was played, held as long as key or pedal held it.
    """

    name: str
    score: Notes
    truth: np.ndarray
    played: Notes


def read_match(path: Path) -> Played:
    """Reads a match file; a second passes before its first note is played."""
    from partitura.io.importmatch import load_matchfile, performed_part_from_match

    match = load_matchfile(str(path))
    # partitura would move the first note to 0 and leave the pedal where it was.
    part = performed_part_from_match(match)
    sounding = {note["id"]: note for note in part.notes}
    later = _LEAD_S - min(note["note_on"] for note in part.notes)
    played = _make_notes(
        [[n["note_on"], n["sound_off"], n["midi_pitch"], n["velocity"]] for n in part.notes]
    )
    starts = {written.Anchor: sounding[key.Id]["note_on"] for written, key in match.note_pairs}
    written = sorted(match.snotes, key=lambda note: (note.OnsetInBeats, note.MidiPitch))
    truth = np.array([starts.get(note.Anchor, np.nan) for note in written]) + later
    beats = np.array([note.OnsetInBeats for note in written])
    beats -= beats[0]
    there = ~np.isnan(truth)
    tempo = np.ptp(truth[there]) / np.ptp(beats[there])
    lengths = tempo * np.maximum([note.DurationInBeats for note in written], _SHORTEST_BEATS)
    keys = [note.MidiPitch for note in written]
    score = _make_notes(list(zip(tempo * beats, tempo * beats + lengths, keys, repeat(_VELOCITY))))
    return Played(path.stem, score, truth, played.shifted(later))


def _make_notes(rows: Sequence[Sequence[float]]) -> Notes:
    """Makes piano notes of rows of start, end, key and velocity, in the order given."""
    start, end, pitch, velocity = np.array(rows, dtype=float).T
    same = np.zeros(len(rows), int)
    keys = pitch.astype(int), velocity.astype(int)
    return Notes(start, end, *keys, same + _PIANO, same.astype(bool))
