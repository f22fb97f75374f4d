"""Excerpts for `frames.py`: quartets of a corpus' test split, played by four kinds of ensemble.

The same notes by piano, strings, winds and a band with drums, rendered anew at 44.1 kHz, so that
nothing but the instruments differs between the rows of a table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_pipelines.corpus.performances import DEFAULT_FILE, read_performances
from data_pipelines.corpus.sound.render import render
from data_pipelines.shards.formats import read_split
from mt3synth.symbolic.notes import Notes
from mt3synth.types import FloatND

RATE = 44100
PERFORMANCES = ("studio", "concert-hall", "chamber", "small-gm-close", "keyboard-demo")
"""Those of the corpus that are not limited in band; each score is played by the next of them."""

# Of a quartet's violins, viola and cello, in General MIDI from zero.
_PLAYERS = {
    "piano": {40: 0, 41: 0, 42: 0},
    "strings": {},
    "winds": {40: 68, 41: 71, 42: 70},
    "band with drums": {40: 25, 41: 4, 42: 33},
}
_BEAT_S = 0.5


@dataclass(frozen=True, eq=False)
class Excerpt:
    """Holds a few seconds of a score as some ensemble played it."""

    name: str
    ensemble: str
    audio: FloatND
    notes: Notes


def excerpts(corpus: Path, count: int, seconds: float) -> Iterator[Excerpt]:
    """Yields ``count`` excerpts, the four ensembles in turn, then the next score."""
    known = {p.name: p for p in read_performances(DEFAULT_FILE)}
    quartets = (
        song
        for song in read_split(corpus, "test")
        if set(song.notes.program.tolist()) == {40, 41, 42} and not song.notes.is_drum.any()
    )
    made = 0
    for number, song in enumerate(quartets):
        written = song.notes.cropped(0.0, seconds)
        for ensemble, players in _PLAYERS.items():
            if made == count:
                return
            notes = _arrange(written, players, ensemble == "band with drums", seconds)
            performance = known[PERFORMANCES[number % len(PERFORMANCES)]]
            audio = render(notes, performance, RATE, np.random.default_rng(0))
            audio = audio[: round(seconds * RATE)]
            name = f"{song.id}, {ensemble}, {performance.name}"
            yield Excerpt(name, ensemble, audio, notes)
            made += 1


def _arrange(notes: Notes, players: dict[int, int], drums: bool, seconds: float) -> Notes:
    program = np.array([players.get(p, p) for p in notes.program.tolist()], int)
    played = notes.replace(program=program)
    if not drums:
        return played
    times = np.arange(0, seconds - 0.1, _BEAT_S / 2)
    beats = np.arange(len(times))
    hats = _hits(times, 42, 70)
    kicks = _hits(times[beats % 4 == 0], 36, 100)
    snares = _hits(times[beats % 4 == 2], 38, 90)
    return Notes.concatenate([played, hats, kicks, snares]).sorted()


def _hits(times: np.ndarray, key: int, velocity: int) -> Notes:
    same = np.ones(len(times), int)
    return Notes(times, times + 0.1, key * same, velocity * same, 0 * same, same.astype(bool))
