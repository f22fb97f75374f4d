"""Plays an arrangement: tempo, dynamics, articulation and a player's timing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data_pipelines.corpus.arrangement.arrange import Arrangement
from data_pipelines.corpus.arrangement.voices import Line
from mt3synth.symbolic.notes import Notes

SHORTEST_NOTE_S = 0.04
_SOFTEST, _SOFTEST_CHOSEN = 12, 10  # velocities; the second where an arrangement says how loud
Curve = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Player:
    """Says how the players of a performance play.

    Attributes:
      onset_ms: standard deviation of each onset around the beat, milliseconds.
      rubato: standard deviation of the slow tempo drift, as a fraction of the tempo.
      contrast: factor on all dynamic differences; 1 as arranged.
      legato: factor on written durations, 1 for full length.
    """

    onset_ms: float
    rubato: float
    contrast: float
    legato: float

    def __post_init__(self) -> None:
        bounds = dict(onset_ms=(0, 40), rubato=(0, 0.2), contrast=(0.2, 2), legato=(0.3, 1.2))
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name}={value}; must be within {low}..{high}")


def play(
    arrangement: Arrangement, player: Player, rng: np.random.Generator, plain: bool = False
) -> Notes:
    """Plays an arrangement: notes in seconds, no key twice at a time on one program.

    Args:
      arrangement: lines in quarter lengths.
      player: timing and dynamics of the performance.
      rng: one generator per song.
      plain: light dynamics around mezzo-forte only, for held-out songs.
    """
    ends = [float((line.start + line.duration).max()) for line in arrangement.lines]
    length = max(ends, default=0.0)
    drift = player.rubato * (0.5 if plain else 1)
    seconds_at = _draw_tempo(length, arrangement.bpm, drift, arrangement.lead_s, rng)
    centre, softest = arrangement.loudness, _SOFTEST_CHOSEN
    if centre is None:
        centre, softest = float(rng.uniform(62, 86) if plain else _draw_level(rng)), _SOFTEST
    spread = arrangement.contrast
    swell = _draw_curve(length, spread * (10.0 if plain else 17.0), rng)
    played = []
    for line in arrangement.lines:
        begin = seconds_at(line.start)
        end = seconds_at(line.start + _articulate(line, player, rng, plain))
        velocity = (
            centre
            + player.contrast
            * (swell(line.start) + line.accent + _accent_bars(line, arrangement.bars))
            + player.contrast
            * _draw_curve(length, spread * (2.0 if plain else 6.0), rng)(line.start)
            + line.level
            + rng.normal(0, spread * (3.0 if plain else 5.0), len(line))
        )
        # Begin and end move together: a late note is not a short one.
        shift = np.clip(rng.normal(0, 1, len(line)), -2, 2) * player.onset_ms / 1000
        begin = np.maximum(begin + shift, 0.0)
        end = np.maximum(end + shift, begin + SHORTEST_NOTE_S)
        played.append(
            Notes(
                start=begin,
                end=end,
                pitch=line.pitch,
                velocity=np.clip(np.round(velocity), softest, 127),
                program=np.full(len(line), 0 if line.is_drum else line.program),
                is_drum=np.full(len(line), line.is_drum),
            )
        )
    # Over all lines of one program: they share a MIDI channel, on which a key is down or up.
    notes = remove_unisons(Notes.concatenate(played))
    if arrangement.lead_s == 0 and len(notes):
        notes = notes.shifted(-float(notes.start.min()))  # whoever came early or late
    return notes


def remove_unisons(notes: Notes) -> Notes:
    """Leaves one sound per key and program, as on one MIDI channel.

    Onsets of one key less than 40 ms apart become the louder of the two; a key struck again ends
    what was sounding there.
    """
    notes = notes.sorted()
    start, end, velocity = notes.start, notes.end.copy(), notes.velocity.copy()
    keep = np.ones(len(notes), bool)
    last: dict[tuple[int, int, bool], int] = {}
    for i in range(len(notes)):
        key = (int(notes.program[i]), int(notes.pitch[i]), bool(notes.is_drum[i]))
        before = last.get(key)
        if before is not None and start[i] - start[before] < SHORTEST_NOTE_S:
            keep[i] = False
            velocity[before] = max(velocity[before], velocity[i])
            end[before] = max(end[before], end[i])
            continue
        if before is not None:
            end[before] = min(end[before], start[i])
        last[key] = i
    return notes.replace(end=end, velocity=velocity).select(keep)


def _draw_level(rng: np.random.Generator) -> float:
    """Draws the mean velocity of a song: mostly mezzo, three in ten quite soft or quite loud."""
    draw = rng.random()
    if draw < 0.15:
        return float(rng.uniform(28, 50))
    if draw < 0.30:
        return float(rng.uniform(92, 112))
    return float(rng.uniform(50, 92))


def _draw_tempo(
    length: float, bpm: float, drift: float, lead: float, rng: np.random.Generator
) -> Curve:
    """Draws a map from quarter lengths to seconds: drifting tempo and, often, a slower ending."""
    grid = np.arange(0, length + 2, 0.25)
    # The tempo is drawn as a logarithm, so that hurrying and lingering come out even.
    walk = np.interp(grid, *_draw_knots(length + 2, rng))
    tempo = (bpm / 60) * np.exp(drift * walk)
    if rng.random() < 0.6:
        ending = np.clip((grid - (length - 4)) / 4, 0, 1)
        tempo *= 1 - rng.uniform(0.05, 0.35) * ending
    seconds = lead + np.concatenate([[0.0], np.cumsum(0.25 / tempo[:-1])])

    def seconds_at(quarters: np.ndarray) -> np.ndarray:
        return np.interp(quarters, grid, seconds)

    return seconds_at


def _draw_curve(length: float, depth: float, rng: np.random.Generator) -> Curve:
    """Draws a velocity over quarter lengths: crescendi, and now and then a sudden step."""
    at, value = _draw_knots(length + 2, rng)
    value = depth * value
    step_at = rng.uniform(0, length + 2, 2)
    step = rng.normal(0, depth, 2) * (rng.random(2) < 0.5)

    def velocity_at(quarters: np.ndarray) -> np.ndarray:
        sudden = sum(s * (quarters > a) for s, a in zip(step, step_at))
        return np.interp(quarters, at, value) + sudden

    return velocity_at


def _draw_knots(length: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draws times some 3 to 12 quarters apart, with standard normal values."""
    # More than the length asks for: the last knot lies beyond the end.
    at = np.concatenate([[0.0], np.cumsum(rng.uniform(3, 12, int(length / 3) + 2))])
    return at, rng.normal(0, 1, len(at))


def _accent_bars(line: Line, bars: np.ndarray) -> np.ndarray:
    """Adds weight to the first beat of each bar."""
    if not len(bars) or not len(line):
        return np.zeros(len(line))
    # Near and not at it: figures in thirds of a beat are rounded.
    nearest = np.abs(line.start[:, None] - bars[None, :]).min(axis=1)
    return np.where(nearest < 0.05, 6.0, 0.0)


def _articulate(line: Line, player: Player, rng: np.random.Generator, plain: bool) -> np.ndarray:
    """Articulates durations in quarter lengths: legato to staccato, changing every few bars."""
    if line.is_drum or line.pedalled or not len(line):
        return line.duration
    # The last is longer than any song: one articulation throughout.
    section = int(rng.choice([8, 16, 400]))
    kinds = (0.95,) if plain else (1.0, 1.0, 0.92, 0.92, 0.8, 0.55, 0.4)
    choice = rng.choice(kinds, int(line.start[-1] // section) + 1)
    factor = choice[(line.start // section).astype(int)] * player.legato
    # Long notes stay nearly whole in a staccato passage: a staccato minim is nobody's.
    short = np.where(line.duration >= 2.0, np.maximum(factor, 0.8), factor)
    return line.duration * np.minimum(short, 1.02)
