"""Reads scores for a model from whatever holds notes, and leaves in them what it can render."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.symbolic.midi import Readable, SongInMemory, Source, read_sequence, read_song
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.roll import KEYS, LOWEST_KEY, substitutions
from mt3synth.types import Int

ScoreSource: TypeAlias = Source | Notes | SongInMemory
"""What a score is read from: a MIDI file, or notes in one of three forms."""


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
      notes: at least one; time 0 is the start of ``span``.
      name: of the file, or empty if the notes came from none.
      span: the part of the song that they are.
      reports: one line for each kind of thing in the song that cannot be rendered as written.
      channel: MIDI channel of each note, int32 ``[n]``; None where the source has no channels.
    """

    notes: Notes
    name: str
    span: Span
    reports: tuple[str, ...]
    channel: Int[np.ndarray, " n"] | None = None


def read_score(source: ScoreSource, span: Span, spec: ModelSpec) -> Score:
    """Reads what a model can render of a song.

    Args:
      source: a MIDI file, as its path (``-`` is standard input), its bytes or opened; or a
        ``pretty_midi.PrettyMIDI``, a ``note_seq.NoteSequence`` or `Notes`. Pedals lengthen the
        notes of all but the last.
      span: the part to be rendered.
      spec: the model.

    Raises:
      UserError: the source cannot be read, or there is nothing in it that the model can render.
    """
    path = Path(source) if isinstance(source, (str, os.PathLike)) else None
    where = "" if path is None else f"{path}: "
    song, channel, reports = _read(source)
    notes = song.cropped(span.start, span.end)
    if channel is not None:
        channel = channel[song.within(span.start, span.end)]
    if not len(notes):
        raise UserError(
            f"{where}no notes from {span.start} s to {span.end} s; it ends at {song.end_time:.1f} s"
        )
    # Tokens say what a roll cannot hold, so a network that reads both loses nothing.
    if "roll" in spec.features and "tokens" not in spec.features:
        reports = reports + substitutions(notes, spec.roll)
        high = LOWEST_KEY + KEYS - 1
        in_range = (notes.pitch >= LOWEST_KEY) & (notes.pitch <= high)
        within = np.where(notes.is_drum, spec.roll.drums, in_range)
        if not within.any():
            drums = "" if spec.roll.drums else ", and it knows no drums"
            raise UserError(
                f"{where}all {len(notes)} notes are outside the model's range, keys {LOWEST_KEY} "
                f"to {high} (A0 to C8){drums}"
            )
        notes = notes.select(within)
        channel = None if channel is None else channel[within]
    return Score(notes, "" if path is None else path.name, span, tuple(reports), channel)


def _read(source: ScoreSource) -> tuple[Notes, Int[np.ndarray, " n"] | None, list[str]]:
    """Reads notes, the channel of each if there are channels, and what is to be reported."""
    if isinstance(source, (str, os.PathLike, bytes, Readable)):
        song = read_song(source)
        return song.notes, song.channel, song.reports
    # Notes have no pedal and nothing that could be left out.
    if isinstance(source, Notes):
        return source.sorted(), None, []
    notes, reports = read_sequence(source)
    return notes, None, reports
