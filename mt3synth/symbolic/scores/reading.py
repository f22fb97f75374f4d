"""Reads a score in notation and plays it: the room's front door."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence

from mt3synth.symbolic.midi import MidiSong, Source, read_song, read_source
from mt3synth.symbolic.scores import musicxml
from mt3synth.symbolic.scores.errors import ScoreError
from mt3synth.symbolic.scores.formats import find_format
from mt3synth.symbolic.scores.from_music21 import read_written
from mt3synth.symbolic.scores.parsing import parse
from mt3synth.symbolic.scores.performing import perform


def play_score(
    data: bytes, name: str = "score", expression: float = 0.0, curves: bool = True
) -> MidiSong:
    """Plays a score in notation.

        song = play_score(Path("quartet.musicxml").read_bytes(), "quartet.musicxml")
        song.notes, song.reports

    Args:
      data: the file's content: MusicXML, compressed or not, kern, or ABC.
      name: the file's, for messages.
      expression: how far players go beyond what is written, from 0, to the letter, to 1.
      curves: whether swells and slides within notes are played, by expression and pitch wheel.
        Whoever takes the notes alone does without: a swell's note is as hard as its loudest moment.

    Returns:
      The notes; of each the part, counted from 0, as its channel.

    Raises:
      ScoreError: it is in none of these notations, is damaged or does harm, has no notes, its
        repeats contradict each other, or music21 is not installed.
    """
    return play_often(data, name, [expression], curves)[0]


def play_often(
    data: bytes, name: str, expressions: Sequence[float], curves: bool = True
) -> list[MidiSong]:
    """Plays a score once with each expression; it is read once. Arguments as `play_score`.

    Raises:
      ScoreError: as `play_score`.
    """
    for expression in expressions:
        _check_expression(expression)
    form = find_format(data)
    if form is None:
        raise ScoreError(f"{name}: no score in notation (MusicXML, kern or ABC)")
    score, left_out = parse(data, name, form)
    written = read_written(score, name)
    songs = [perform(written, name, expression, curves) for expression in expressions]
    return [dataclasses.replace(song, reports=[*left_out, *song.reports]) for song in songs]


def read_music(source: Source, expression: float = 0.0, asked: bool = True) -> MidiSong:
    """Reads a MIDI file or a score in notation; its content says which it is.

        song = read_music("quartet.musicxml", expression=0.5)
        song = read_music("quartet.mid")

    Args:
      source: a path, gzipped or not, ``-`` for standard input, the file's bytes, or an open file.
      expression: how far players go beyond a score, from 0, to the letter, to 1. A MIDI file is
        played as it is, and says so in its reports if more than 0 is asked for.
      asked: whether anybody asked for it.

    Raises:
      MidiError: it is a MIDI file that cannot be read, or nothing that can.
      ScoreError: it is a score that cannot be played.
    """
    _check_expression(expression)
    data, name = read_source(source, musicxml.MAX_BYTES)
    if find_format(data) is not None:
        return play_score(data, "score" if isinstance(source, bytes) else name, expression)
    content = io.BytesIO(data)
    content.name = name  # by which messages call it
    song = read_song(content)
    if not (expression and asked):
        return song
    told = "expression: MIDI files are played as they are, only scores in notation with it"
    return dataclasses.replace(song, reports=[*song.reports, told])


def _check_expression(expression: float) -> None:
    if not 0 <= expression <= 1:
        raise ScoreError(f"expression={expression}; must be within 0..1")
