"""Songs whose notes slide, waver, are out of tune, swell and fade, as controllers make them.

Thin music is played, and each of its notes is given a curve of pitch and level. They are rendered
as they are, each note that moves on a channel of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from data_pipelines.corpus.sound.voices import (
    BEND_SEMITONES,
    MOST_GAIN,
    assign_channels,
    curved_notes,
)
from mt3synth.symbolic.note_curves import NoteCurves, sample_times, trace
from mt3synth.symbolic.notes import Notes
from mt3synth.types import FloatND

_DETUNED = 0.35  # of players are out of tune, or in another tuning, from beginning to end
_MOVED = (0.3, 0.7, 1.0)  # shares of notes that move, of which a song has one
_LEVELS = ("none", "constant", "swell", "hairpins", "fade", "mute")
_LEVEL_SHARES = (0.25, 0.1, 0.25, 0.25, 0.1, 0.05)
_SOFTEST_DB, _LOUDEST_DB = -30.0, 20 * float(np.log10(MOST_GAIN))


def bend_notes(notes: Notes, rng: np.random.Generator) -> Notes:
    """Gives notes curves; those for which MIDI has no channel left stay as they are.

    Args:
      notes: of a song, in seconds.
      rng: the song's generator.
    """
    moved = float(rng.choice(_MOVED))
    tuning = {
        int(p): float(
            rng.uniform(-BEND_SEMITONES, BEND_SEMITONES) if rng.random() < _DETUNED else 0
        )
        for p in np.unique(notes.program)
    }
    level_at = _draw_level(notes, rng)
    knots = []
    for i in range(len(notes)):
        at = sample_times(float(notes.end[i] - notes.start[i]))
        if notes.is_drum[i]:
            knots.append(_PLAIN)
            continue
        gesture = _GESTURES[rng.integers(len(_GESTURES))] if rng.random() < moved else _still
        semitones = tuning[int(notes.program[i])] + gesture(at, rng)
        semitones = np.clip(semitones, -BEND_SEMITONES, BEND_SEMITONES)
        db = np.minimum(level_at(at, float(notes.start[i]), rng), _LOUDEST_DB)
        knots.append(trace(at, semitones, 10 ** (db / 20)))
    bent = notes.with_curves(NoteCurves.of(knots))
    without = assign_channels(bent) < 0
    if without.any():
        kept = [_PLAIN if gone else each for each, gone in zip(knots, without)]
        bent = bent.with_curves(NoteCurves.of(kept))
    return bent if len(curved_notes(bent)) else notes.with_curves(None)


_PLAIN = (np.zeros(1), np.zeros(1), np.ones(1))


def _still(at: FloatND, rng: np.random.Generator) -> FloatND:
    return np.zeros(len(at))


def _out_of_tune(at: FloatND, rng: np.random.Generator) -> FloatND:
    return np.full(len(at), rng.uniform(-BEND_SEMITONES, BEND_SEMITONES))


def _slide(at: FloatND, rng: np.random.Generator) -> FloatND:
    """Goes to another pitch, or comes from one, in a part of the note."""
    far = float(rng.choice([-1, 1]) * rng.uniform(0.2, BEND_SEMITONES))
    begin = float(rng.uniform(0, 0.6)) * at[-1]
    seconds = float(np.exp(rng.uniform(np.log(0.05), np.log(max(0.06, at[-1])))))
    share = np.clip((at - begin) / seconds, 0, 1)
    return far * (share if rng.random() < 0.6 else 1 - share)


def _scoop(at: FloatND, rng: np.random.Generator) -> FloatND:
    """Comes from below, or above, as the note begins."""
    far = float(rng.choice([-1, -1, 1]) * rng.uniform(0.2, BEND_SEMITONES))
    return far * np.clip(1 - at / rng.uniform(0.05, 0.4), 0, 1)


def _vibrato(at: FloatND, rng: np.random.Generator) -> FloatND:
    """Wavers, from the beginning or after a while."""
    depth, hertz = rng.uniform(0.1, 0.6), rng.uniform(4.0, 7.0)
    grown = np.clip((at - rng.uniform(0, 0.5)) / 0.3, 0, 1)
    return np.asarray(depth * grown * np.sin(2 * np.pi * hertz * at))


def _wander(at: FloatND, rng: np.random.Generator) -> FloatND:
    """Goes from pitch to pitch, half to two seconds each."""
    knots = np.cumsum(rng.uniform(0.5, 2.0, int(at[-1] / 0.5) + 2))
    return np.interp(at, knots, rng.uniform(-BEND_SEMITONES, BEND_SEMITONES, len(knots)))


_GESTURES = (_out_of_tune, _slide, _slide, _scoop, _vibrato, _wander)

_Level = Callable[[FloatND, float, np.random.Generator], FloatND]


def _draw_level(notes: Notes, rng: np.random.Generator) -> _Level:
    """Draws how levels go in a song: dB at times of a note, by its onset."""
    kind = str(rng.choice(_LEVELS, p=_LEVEL_SHARES))
    base = float(rng.uniform(-15, _LOUDEST_DB)) if kind == "constant" else 0.0
    if kind in ("none", "constant"):
        return lambda at, start, rng: np.full(len(at), base)
    if kind == "hairpins":

        def hairpin(at: FloatND, start: float, rng: np.random.Generator) -> FloatND:
            ends = rng.uniform(_SOFTEST_DB, _LOUDEST_DB, 2)
            return np.interp(at, [0, max(at[-1], 1e-3)], ends)

        return hairpin
    # Of all players together.
    end = notes.end_time + 1.0
    if kind == "fade":
        begin = float(rng.uniform(0, 0.7)) * end
        return lambda at, start, rng: np.interp(start + at, [begin, end], [0.0, 3 * _SOFTEST_DB])
    if kind == "mute":
        begin, seconds = float(rng.uniform(0, end)), float(rng.uniform(0.3, 3.0))

        def mute(at: FloatND, start: float, rng: np.random.Generator) -> FloatND:
            return np.where(np.abs(start + at - begin) < seconds / 2, -np.inf, 0.0)

        return mute
    times = np.cumsum(np.append(0, rng.uniform(0.4, 4.0, int(end / 0.4) + 1)))
    levels = rng.uniform(_SOFTEST_DB, _LOUDEST_DB, len(times))
    return lambda at, start, rng: np.interp(start + at, times, levels)
