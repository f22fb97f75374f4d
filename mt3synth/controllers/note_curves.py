"""From what is done to the sound of notes to curves of the notes, for models that hear them."""

from __future__ import annotations

import dataclasses

import numpy as np

from mt3synth.controllers.song_treatment import TreatedSong
from mt3synth.controllers.treatment import VIBRATO_HZ, Treatment
from mt3synth.symbolic.note_curves import SAMPLE_S, NoteCurves, sample_times, trace

MOST_SAMPLES = 500_000
"""Of a song's curves, which are 5,000 s of notes at full fineness; of more than twice as many what
happens within a frame is lost. A file may hold a hundred notes for four hours."""


def let_notes_carry(song: TreatedSong) -> TreatedSong:
    """Puts level and pitch of a song into curves of its notes, and leaves the rest to treatments.

    What is left is the place of a part, and the pitch of drums: another key is another drum. A note
    rings on at the pitch and the level that it ends with.
    """
    knots, left = [], []
    moves = np.array([t.moves_pitch or not t.gain.is_constant for t in song.treatments], bool)
    moving = float(np.sum((song.notes.end - song.notes.start)[moves[song.treatment]]))
    step = max(SAMPLE_S, moving / MOST_SAMPLES)
    for i in range(len(song.notes)):
        treatment = song.treatments[song.treatment[i]]
        is_drum = bool(song.notes.is_drum[i])
        start, end = float(song.notes.start[i]), float(song.notes.end[i])
        still = is_drum or not treatment.moves_pitch
        constant = still and treatment.gain.is_constant
        since = sample_times(0.0 if constant else end - start, step)
        at = start + since
        cents = np.zeros(len(at))
        if not still:
            wave = np.sin(2 * np.pi * VIBRATO_HZ * at)
            cents = treatment.cents.at(at) + treatment.vibrato.at(at) * wave
        knots.append(trace(since, cents / 100, treatment.gain.at(at).astype(np.float64)))
        left.append((int(song.treatment[i]), is_drum and treatment.moves_pitch))
    treatments: list[Treatment] = []
    numbers: dict[tuple[bytes, ...], int] = {}
    treatment_of: dict[tuple[int, bool], int] = {}
    for number, moved in dict.fromkeys(left):
        whole = song.treatments[number]
        rest = Treatment(pan=whole.pan)
        if moved:
            rest = dataclasses.replace(rest, cents=whole.cents, vibrato=whole.vibrato)
        same = numbers.setdefault(rest.key(stereo=True), len(treatments))
        if same == len(treatments):
            treatments.append(rest)
        treatment_of[number, moved] = same
    curves = NoteCurves.of(knots)
    if curves.plain.all():
        return song
    return dataclasses.replace(
        song,
        notes=song.notes.with_curves(curves),
        treatments=tuple(treatments),
        treatment=np.array([treatment_of[each] for each in left], np.int32),
        reports=sorted([*song.reports, *_describe(curves)]),
    )


def _describe(curves: NoteCurves) -> list[str]:
    lines = []
    for what, values, rest in (
        ("bends, tunings and modulation", curves.semitones, 0),
        ("volume and expression", curves.gain, 1),
    ):
        notes = np.unique(curves.note[values != rest])
        if len(notes):
            lines.append(f"{what}: played by the model, in {len(notes)} of {len(curves)} notes")
    return lines
