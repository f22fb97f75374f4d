"""Plays a score: its notes in seconds, by the rules of this package."""

from __future__ import annotations

import bisect
import copy
import dataclasses
from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np

from mt3synth.symbolic.midi import MidiSong
from mt3synth.symbolic.midi.findings import Findings
from mt3synth.symbolic.midi.song import MAX_NOTES, MAX_SECONDS
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.scores import articulations, ornaments, tempo
from mt3synth.symbolic.scores.dynamics import Levels
from mt3synth.symbolic.scores.errors import ScoreError
from mt3synth.symbolic.scores.gestures import SUSTAINED, Gesture, Gestures, play_gestures
from mt3synth.symbolic.scores.phrasing import Phrasing
from mt3synth.symbolic.scores.techniques import Techniques
from mt3synth.symbolic.scores.written import WrittenNote, WrittenPart, WrittenScore

_SHORTEST = 0.03  # seconds


def perform(
    score: WrittenScore, name: str, expression: float = 0.0, curves: bool = True
) -> MidiSong:
    """Plays a score.

    Args:
      score: as it is written; it stays as it is.
      name: the file's, for messages.
      expression: how far players go beyond what is written, from 0, to the letter, to 1.
      curves: whether swells and slides within notes are played, by curves beside the notes.

    Raises:
      ScoreError: it has no notes, or plays over 200 000 notes or 4 hours.
    """
    if not score.parts:
        raise ScoreError(f"{name}: the score has no notes")
    line = tempo.read_tempo(score)
    phrasing: Phrasing | None = None
    clock = tempo.Clock(line, score.order, score.measures, score.fermatas, score.breaths)
    # Before ornaments are played: a trill on a note without end would have notes without end.
    if clock.length > MAX_SECONDS:
        raise ScoreError(f"{name}: {clock.length:.0f} s long; at most {MAX_SECONDS} s")
    if expression:
        phrasing = Phrasing(score, clock.begins, expression)
        clock = tempo.Clock(
            line, score.order, score.measures, score.fermatas, score.breaths, phrasing.tempo
        )
    groups: dict[str, list[WrittenPart]] = defaultdict(list)
    for part in score.parts:
        groups[part.group].append(part)
    # What is found here is of this playing: a score may be played again.
    findings = copy.deepcopy(score.findings)
    played: list[_Played] = []
    for staves in groups.values():
        levels = Levels(staves, findings)
        techniques = Techniques(staves, findings)
        for part in staves:
            rows, gestures = _play_part(part, score, clock, levels, techniques, expression, name)
            played.append(_time(rows, gestures if curves else None, clock, phrasing))
    if sum(len(each.notes) for each in played) > MAX_NOTES:
        raise _too_many(name)
    return _join(played, findings)


class _Played(NamedTuple):
    """Holds the notes of a part, and what changes within them; None where nothing is to."""

    notes: Notes
    gestures: Gestures | None


# A row for each note that sounds: from and to in quarters, key, velocity, program, drum or not,
# the part of its length that it sounds, in which measure it is written, and which gesture it has.
_COLUMNS = 9
_FROM, _TO, _KEY, _VELOCITY, _PROGRAM, _DRUM, _GATE, _MEASURE, _GESTURE = range(_COLUMNS)


def _play_part(
    part: WrittenPart,
    score: WrittenScore,
    clock: tempo.Clock,
    levels: Levels,
    techniques: Techniques,
    expression: float,
    name: str,
) -> tuple[np.ndarray, list[Gesture]]:
    """Plays one part, and unfolds its repeats.

    Returns:
      Rows, float64 ``[n, 9]``, positions as played, and the gestures that they name.
    """
    written: list[tuple[float, ...]] = []
    gestures: dict[Gesture, int] = {}
    keys = sorted(part.keys, key=lambda pair: pair[0])
    for note in part.notes:
        index = bisect.bisect_right(keys, note.start + 1e-6, key=lambda pair: pair[0])
        key = keys[index - 1][1] if index else None
        rate = clock.quarters_a_second(note.start)
        for row, gesture in _play_note(note, key, rate, levels, techniques, expression):
            written.append((*row, float(gestures.setdefault(gesture, len(gestures)))))
        if len(written) > MAX_NOTES:
            raise _too_many(name)
    rows = np.array(written).reshape(-1, _COLUMNS)
    for begin, end in part.pedals:
        # What is let go while the pedal is down sounds until it is up.
        ends = rows[:, _FROM] + rows[:, _GATE] * (rows[:, _TO] - rows[:, _FROM])
        held = (ends > begin + 1e-6) & (ends <= end) & (rows[:, _FROM] < end)
        held &= rows[:, _DRUM] == 0
        rows[held, _TO], rows[held, _GATE] = end, 1.0
    return _unfold(rows, score, clock, name), list(gestures)


def _unfold(rows: np.ndarray, score: WrittenScore, clock: tempo.Clock, name: str) -> np.ndarray:
    """Lays the measures out as they are played; float64 ``[n, 9]``."""
    rows = rows[np.argsort(rows[:, _MEASURE], kind="stable")]
    edges = np.searchsorted(rows[:, _MEASURE], np.arange(len(score.measures)))
    order = np.array(score.order, np.int64)
    counts = edges[order + 1] - edges[order]
    # Before anything is laid out: a few measures repeated can be more than fits into memory.
    if counts.sum() > MAX_NOTES:
        raise _too_many(name)
    index = np.concatenate([np.arange(edges[m], edges[m + 1]) for m in order])
    played = rows[index]
    shift = clock.begins[:-1] - np.array(score.measures)[order]
    played[:, (_FROM, _TO)] += np.repeat(shift, counts)[:, None]
    return played


def _play_note(
    note: WrittenNote,
    key: Any,
    rate: float,
    levels: Levels,
    techniques: Techniques,
    expression: float,
) -> list[tuple[tuple[float, ...], Gesture]]:
    """Plays a note: rows without their last column, and what changes within each."""
    rows = ornaments.realize(note, rate, key)
    program = techniques.program(note)
    gate = articulations.gate(note, expression)
    played: list[tuple[tuple[float, ...], Gesture]] = []
    # An accent is struck once, also on a trill.
    struck = next((index for index, row in enumerate(rows) if row[0] >= note.start), None)
    for index, (at, length, sounding) in enumerate(rows):
        if note.velocity is not None:
            velocity = float(note.velocity)  # the file says it outright
        else:
            velocity = levels.at(at)
            if index == struck:
                velocity = velocity * articulations.accent(note) + levels.accent(note.start)
        last = index == len(rows) - 1
        row = (
            at,
            at + length,
            float(sounding),
            velocity,
            float(program),
            float(note.is_drum),
            gate if last else 1.0,
            float(note.measure),
        )
        within: tuple[tuple[float, float], ...] = ((0.0, max(velocity, 1.0)),)
        if note.velocity is None and program in SUSTAINED and not note.is_drum:
            within = levels.within(at, at + length)
        slide = None
        if last and note.glide is not None and ornaments.is_slide(note):
            after = max(length - ornaments.glide_length(note, rate), 0.0)
            slide = after, float(note.glide.key - note.key)
        played.append((row, Gesture(within, slide)))
    return played


def _too_many(name: str) -> ScoreError:
    return ScoreError(f"{name}: over {MAX_NOTES} notes with repeats and ornaments")


def _time(
    rows: np.ndarray,
    gestures: list[Gesture] | None,
    clock: tempo.Clock,
    phrasing: Phrasing | None,
) -> _Played:
    """Turns rows as played into notes in seconds; a key struck again ends what sounds there."""
    inside = (rows[:, _KEY] >= 0) & (rows[:, _KEY] <= 127)  # a trill may lead out of the keys
    rows = rows[inside]
    begin = np.maximum(clock.onsets(rows[:, _FROM]), 0.0)
    full = np.maximum(clock.ends(rows[:, _TO]), begin)
    end = np.maximum(begin + rows[:, _GATE] * (full - begin), begin + _SHORTEST)
    velocity = rows[:, _VELOCITY]
    if phrasing is not None and len(rows):
        pitched = rows[:, _DRUM] == 0
        middle = float(rows[pitched, _KEY].mean()) if pitched.any() else 60.0
        keys = np.where(pitched, rows[:, _KEY], middle)
        velocity = velocity + phrasing.velocity(rows[:, _FROM], keys, middle)
    notes = Notes(
        start=begin,
        end=end,
        pitch=rows[:, _KEY],
        velocity=np.clip(np.round(velocity), 1, 127),
        program=rows[:, _PROGRAM],
        is_drum=rows[:, _DRUM],
    )
    order = notes.order()
    notes = notes.select(order)
    notes = notes.replace(end=_end_when_struck_again(notes))
    numbers = rows[order, _GESTURE].astype(np.int64).tolist()
    made_of = [] if gestures is None else [gestures[number] for number in numbers]
    if not any(len(gesture.levels) > 1 or gesture.slide for gesture in made_of):
        return _Played(notes, None)
    made = play_gestures(notes, velocity[order], rows[order, _FROM], made_of, clock)
    return _Played(notes.replace(velocity=np.clip(np.round(made.velocity), 1, 127)), made)


def _end_when_struck_again(notes: Notes) -> np.ndarray:
    end = notes.end.copy()
    last: dict[tuple[int, int, bool], int] = {}
    for i in range(len(notes)):
        key = (int(notes.program[i]), int(notes.pitch[i]), bool(notes.is_drum[i]))
        before = last.get(key)
        if before is not None and notes.start[i] > notes.start[before] + 1e-3:
            end[before] = min(end[before], notes.start[i])
        last[key] = i
    return end


def _join(played: list[_Played], findings: Findings) -> MidiSong:
    channel = np.repeat(np.arange(len(played)), [len(each.notes) for each in played])
    notes = Notes.chained([each.notes for each in played])
    song = MidiSong.of_notes(notes)
    curves = dict.fromkeys(range(len(played)), song.curves[0])
    beside = Findings()
    for number, (_, made) in enumerate(played):
        if made is not None:
            curves[number] = dataclasses.replace(
                curves[number], expression=made.expression, bend=made.bend
            )
            beside.ignore("swells within notes", made.swells)
            beside.ignore("slides", made.slides)
    return dataclasses.replace(
        song,
        channel=channel[notes.order()].astype(np.int32),
        curves=curves,
        reports=findings.lines(),
        beside=beside.lines(),
    )
