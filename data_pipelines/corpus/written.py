"""Songs that are played as they are written, by the rules of docs/scores.md.

Other kinds of songs draw tempo, dynamics and articulation at random. What scores ask for, trills
that end on their note, crescendi, staccato under slurs, a ritard before the end, is in these.
"""

from __future__ import annotations

import numpy as np

from data_pipelines.corpus.arrangement.arrange import (
    LONGEST_S,
    SHORTEST_S,
    Arrangement,
    choose_quartet,
)
from data_pipelines.corpus.arrangement.instruments import find_range, fit_to_range, fold_into
from data_pipelines.corpus.expression import SHORTEST_NOTE_S, Player, remove_unisons
from data_pipelines.corpus.played_scores import EXPRESSIONS, PlayedScores
from mt3synth.symbolic.groups import DEFAULT_GROUPS, program_table
from mt3synth.symbolic.notes import Notes
from mt3synth.types import Int

LEAD_S, RING_OUT_S = Arrangement.lead_s, Arrangement.ring_out_s
"""Seconds of silence before the first beat, and of sound after the last note's end."""

_AS_WRITTEN = 0.5  # of songs are for whom they are written, the others for strings
_TEMPO = 0.15  # how far the tempo is from the written one, in either direction
_MARKED, _UNMARKED = 10.0, 24.0  # velocity, as how much softer or louder a song is played
_SOFTEST = 12
_LATEST_START = 3.0  # seconds from the drawn beginning within which a phrase may begin


def play_written(
    played: PlayedScores, player: Player, rng: np.random.Generator
) -> tuple[Notes, str]:
    """Plays an excerpt of a score: notes in seconds, no key twice at a time on one program.

    Args:
      played: at least one score.
      player: timing of the performance; its dynamics are those that are written.
      rng: one generator per song.

    Returns:
      The notes, and where they come from.
    """
    index = int(rng.integers(len(played.sources)))
    expression = float(rng.choice(EXPRESSIONS))
    playing = played.read(index, expression)
    length = float(rng.uniform(SHORTEST_S, LONGEST_S))
    notes, part = _cut(playing.notes, playing.part, length, rng)
    shift = int(rng.integers(-6, 6))
    notes = notes.replace(pitch=_clip_keys(notes.pitch.astype(np.int64) + shift, notes))
    notes = _seat(notes, part, as_written=bool(rng.random() < _AS_WRITTEN))
    # Much old music has no marks at all, and is not to be heard at one level only.
    reach = _MARKED if len(np.unique(notes.velocity)) > 2 else _UNMARKED
    velocity = notes.velocity + rng.uniform(-reach, 0.6 * reach)
    factor = float(np.exp(rng.uniform(-_TEMPO, _TEMPO)))
    late = np.clip(rng.normal(0, 1, len(notes)), -2, 2) * player.onset_ms / 1000
    start = np.maximum(LEAD_S + factor * notes.start + late, 0.0)
    end = np.maximum(LEAD_S + factor * notes.end + late, start + SHORTEST_NOTE_S)
    notes = notes.replace(start=start, end=end, velocity=np.clip(np.round(velocity), _SOFTEST, 127))
    return remove_unisons(notes), f"written, expression {expression}: {playing.source}"


def _cut(
    notes: Notes, part: Int[np.ndarray, " n"], length: float, rng: np.random.Generator
) -> tuple[Notes, Int[np.ndarray, " n"]]:
    """Cuts an excerpt that begins with a note, before which as little sounds as can be."""
    latest = max(float(notes.start[-1]) - length, 0.0)
    drawn = float(rng.uniform(0, latest))
    near = np.unique(notes.start[(notes.start >= drawn) & (notes.start <= drawn + _LATEST_START)])
    if not len(near):  # a long rest
        near = notes.start[notes.start >= drawn][:1]
    sounding = [np.sum((notes.start < at - 1e-6) & (notes.end > at + 1e-6)) for at in near]
    begin = float(near[int(np.argmin(sounding))])
    # Notes from before would begin without their attack.
    inside = (notes.start >= begin) & (notes.start < begin + length)
    cut = notes.select(inside).shifted(-begin)
    return cut.replace(end=np.minimum(cut.end, length)), part[inside]


def _clip_keys(pitch: Int[np.ndarray, " n"], notes: Notes) -> Int[np.ndarray, " n"]:
    return np.where(notes.is_drum, notes.pitch, fold_into(pitch, 0, 127))


def _seat(notes: Notes, part: Int[np.ndarray, " n"], as_written: bool) -> Notes:
    """Gives each part to the instrument that it is heard as, or to a seat among strings."""
    representatives = np.array([group.representative for group in DEFAULT_GROUPS])
    program = representatives[program_table(DEFAULT_GROUPS)[notes.program]]
    pitch = notes.pitch.astype(np.int64)
    pitched = np.unique(part[~notes.is_drum])
    # From the top, whatever the order on the page.
    ranked = sorted(pitched.tolist(), key=lambda who: -float(np.mean(pitch[part == who])))
    seats = choose_quartet(len(ranked))
    for rank, who in enumerate(ranked):
        rows = (part == who) & ~notes.is_drum
        if not as_written:
            program[rows] = seats[rank * len(seats) // len(ranked)]
        for one in np.unique(program[rows]).tolist():
            chosen = rows & (program == one)
            pitch[chosen] = fold_into(fit_to_range(pitch[chosen], one), *find_range(one))
    return notes.replace(pitch=pitch, program=np.where(notes.is_drum, 0, program))
