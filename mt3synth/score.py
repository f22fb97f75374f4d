"""Reads scores for a model from whatever holds notes, and leaves in them what it can render."""

from __future__ import annotations

import dataclasses
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np

from mt3synth.controllers.keyboard_map import read_tuning
from mt3synth.controllers.note_curves import let_notes_carry
from mt3synth.controllers.song_treatment import TreatedSong, treat_song
from mt3synth.controllers.treatment import Treatment
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.symbolic.midi import (
    MidiSong,
    Readable,
    SongInMemory,
    Source,
    read_sequence,
)
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.roll import KEYS, LOWEST_KEY, count_notes, substitutions
from mt3synth.symbolic.scores import read_music
from mt3synth.types import Int

SLOWEST, FASTEST = 0.25, 4.0
"""Times the written tempo, beyond which nobody takes it for the same song."""

ScoreSource: TypeAlias = Source | Notes | SongInMemory
"""What a score is read from: a file of MIDI or notation, or notes in one of three forms."""


@dataclass(frozen=True)
class Span:
    """A part of a song, in seconds.

        Span(30, 60)  # the second half of the first minute

    Raises:
      UserError: bounds that are no times, or hold nothing between them.
    """

    start: float = 0.0
    end: float = math.inf

    def __post_init__(self) -> None:
        # Written so that NaN is refused as well.
        if not 0 <= self.start < math.inf:
            raise UserError(f"start={self.start} s; must be at least 0")
        if not self.start < self.end:
            raise UserError(f"end={self.end} s; must be after start={self.start} s")


@dataclass(frozen=True, eq=False)
class Score:
    """Holds what a model can render of a song.

    Attributes:
      notes: at least one; time 0 is the start of ``span``. For a model that hears them they carry
        their curves.
      name: of the file, or empty if the notes came from none.
      span: the part of the song that they are.
      end: when the song's last note ends, in seconds of the whole song.
      reports: one line for each kind of thing in the song that cannot be rendered as written.
      channel: MIDI channel or part of each note, int32 ``[n]``; None where the source has none.
      treatments: what is done to the sound of notes beyond what the model makes of them, which is
        less where notes carry curves.
      treatment: of each note, as an index of ``treatments``, int32 ``[n]``; None if all have the
        first.
      tuning: name of the Scala file by which the notes are tuned, or empty.
      keyboard_map: name of the file that says which key plays which degree of it, or empty.
      expression: with how much of it a score in notation was played.
      folded: whether notes were moved by octaves, so that the model can render them.
      tempo: how many times as fast as written they are; ``span`` and all times are as played.
      transpose: by how many semitones they are moved.
    """

    notes: Notes
    name: str
    span: Span
    end: float
    reports: tuple[str, ...]
    channel: Int[np.ndarray, " n"] | None = None
    treatments: tuple[Treatment, ...] = (Treatment(),)
    treatment: Int[np.ndarray, " n"] | None = None
    tuning: str = ""
    keyboard_map: str = ""
    expression: float = 0.0
    folded: bool = False
    tempo: float = 1.0
    transpose: int = 0

    def of_levels(self) -> Score:
        """Returns the score with no more done to its notes' sound than that it gets its level."""
        return dataclasses.replace(self, treatments=tuple(t.level_only() for t in self.treatments))

    def groups(self, rows: Int[np.ndarray, " r"], stereo: bool) -> list[Group]:
        """Groups notes by what is done to their sound.

        Args:
          rows: positions of the notes, at least one.
          stereo: whether their place matters.
        """
        numbers = np.zeros(len(rows), np.int32) if self.treatment is None else self.treatment[rows]
        alike: dict[tuple[bytes, ...], list[int]] = {}
        for number in np.unique(numbers).tolist():
            alike.setdefault(self.treatments[number].key(stereo), []).append(number)
        return [
            Group(self.notes.select(rows[np.isin(numbers, each)]), self.treatments[each[0]])
            for each in alike.values()
        ]


class Group(NamedTuple):
    """Holds notes to whose sound the same is done."""

    notes: Notes
    treatment: Treatment


def read_score(
    source: ScoreSource,
    span: Span,
    spec: ModelSpec,
    tuning: str | os.PathLike[str] | None = None,
    expression: float | None = None,
    fold: bool = False,
    keyboard_map: str | os.PathLike[str] | None = None,
    tempo: float = 1.0,
    transpose: int = 0,
    carried: float = 0.0,
) -> Score:
    """Reads what a model can render of a song.

    Args:
      source: a MIDI file or a score in notation (MusicXML, kern, ABC), as its path (``-`` is
        standard input), its bytes or opened; or a
        ``pretty_midi.PrettyMIDI``, a ``note_seq.NoteSequence`` or `Notes`. Pedals lengthen the
        notes of all but the last.
      span: the part to be rendered.
      spec: the model.
      tuning: a Scala file (.scl), whose scale begins on middle C; it tunes all keys but drums, and
        replaces what the source says of the tuning of keys.
      keyboard_map: a file (.kbm) that says which key plays which degree of the scale, and at what
        pitch; without a scale, of twelve equal steps.
      expression: how far players go beyond a score in notation, from 0, to the letter, to 1; None
        takes ``carried``.
      fold: whether notes outside A0 to C8 are moved into it by octaves.
      tempo: how many times as fast it is played; the times of ``span`` are those that are heard.
      transpose: semitones by which all but drums are moved.
      carried: the expression of the performance that it is read for.

    Raises:
      UserError: source or tuning cannot be read, tempo or transposition is out of bounds, or there
        is nothing that the model can render.
    """
    path = Path(source) if isinstance(source, (str, os.PathLike)) else None
    where = "" if path is None else f"{path}: "
    _check_changes(tempo, transpose)
    scale = read_tuning(tuning, keyboard_map)
    written = _transposed(_read(source, expression, carried), transpose)
    song = _at_tempo(treat_song(written, scale), tempo)
    if spec.has_curves:
        song = let_notes_carry(song)
    rows = np.flatnonzero(song.notes.within(span.start, span.end))
    notes, reports = song.notes.cropped(span.start, span.end), song.reports
    if not len(notes):
        ends = f"it ends at {song.notes.end_time:.1f} s"
        silent = f" ({'; '.join(reports)})" if reports and not len(song.notes) else ""
        raise UserError(f"{where}no notes from {span.start} s to {span.end} s; {ends}{silent}")
    high = LOWEST_KEY + KEYS - 1
    inside = notes.is_drum | ((notes.pitch >= LOWEST_KEY) & (notes.pitch <= high))
    folded = fold and not bool(inside.all())
    if folded:
        moved = count_notes(int(np.sum(~inside)))
        reports = [*reports, f"pitches outside {LOWEST_KEY}..{high}: {moved} moved by octaves"]
        notes = notes.folded(LOWEST_KEY, high)
    # Tokens say what a roll cannot hold, so a network that reads both loses nothing.
    if "roll" in spec.features and "tokens" not in spec.features:
        reports = reports + substitutions(notes, spec.roll)
        in_range = (notes.pitch >= LOWEST_KEY) & (notes.pitch <= high)
        within = np.where(notes.is_drum, spec.roll.drums, in_range)
        if not within.any():
            drums = "" if spec.roll.drums else ", and it knows no drums"
            remedy = "" if notes.is_drum.all() else "; --fold moves them by octaves"
            raise UserError(
                f"{where}all {len(notes)} notes are outside the model's range, keys {LOWEST_KEY} "
                f"to {high} (A0 to C8){drums}{remedy}"
            )
        notes, rows = notes.select(within), rows[within]
    used, treatment = np.unique(song.treatment[rows], return_inverse=True)
    treatments = [song.treatments[number] for number in used]
    return Score(
        notes,
        "" if path is None else path.name,
        span,
        song.notes.end_time,
        tuple(reports),
        None if isinstance(source, Notes) else song.channel[rows],
        tuple(each.shifted(-span.start) for each in treatments),
        treatment.astype(np.int32),
        _name(tuning),
        _name(keyboard_map),
        carried if expression is None else expression,
        folded,
        tempo,
        transpose,
    )


def _check_changes(tempo: float, transpose: int) -> None:
    # Written so that NaN is refused as well.
    if not SLOWEST <= tempo <= FASTEST:
        raise UserError(f"tempo={tempo}; must be between {SLOWEST} and {FASTEST} times as written")
    if not isinstance(transpose, int) or not -127 <= transpose <= 127:
        raise UserError(f"transpose={transpose}; must be a whole number of semitones, -127 to 127")


def _transposed(song: MidiSong, semitones: int) -> MidiSong:
    """Moves all notes but drums, and leaves out those for which there is no key."""
    pitch = np.where(song.notes.is_drum, song.notes.pitch, song.notes.pitch + semitones)
    inside = (pitch >= 0) & (pitch <= 127)
    lost = int(np.sum(~inside))
    reports = [f"transposed beyond keys 0 to 127: {count_notes(lost)} left out"] if lost else []
    return dataclasses.replace(
        song,
        notes=song.notes.select(inside).replace(pitch=pitch[inside]),
        channel=song.channel[inside],
        detune=song.detune[inside],
        reports=sorted(song.reports + reports),
    )


def _at_tempo(song: TreatedSong, tempo: float) -> TreatedSong:
    """Plays a song faster or slower, at the same pitch."""
    factor = 1 / tempo
    treatments = tuple(treatment.stretched(factor) for treatment in song.treatments)
    return dataclasses.replace(song, notes=song.notes.stretched(factor), treatments=treatments)


def _name(path: str | os.PathLike[str] | None) -> str:
    return "" if path is None else Path(path).name


def _read(source: ScoreSource, expression: float | None, carried: float) -> MidiSong:
    if isinstance(source, (str, os.PathLike, bytes, Readable)):
        # Of what nobody asked for nothing is said where it cannot be.
        if expression is None:
            return read_music(source, carried, asked=False)
        return read_music(source, expression)
    # Notes have no pedal and nothing that could be left out.
    if isinstance(source, Notes):
        return MidiSong.of_notes(source)
    return read_sequence(source)
