"""How much louder a passage becomes when its notes are played harder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mt3synth.symbolic.notes import Notes

SOFT, LOUD = 30, 110

_CHORD_S = 0.03
_LISTEN_S = 0.1


def level_db(audio: Float[np.ndarray, " S"]) -> float:
    """Root mean square of the whole audio in dB re full scale (1.0).

    Raises:
      ValueError: the audio is empty or digitally silent, so that it has no level.
    """
    power = float(np.mean(np.square(audio, dtype=np.float64))) if len(audio) else 0.0
    if power <= 0:
        raise ValueError(f"{len(audio)} samples of silence have no level")
    return 10 * float(np.log10(power))


def at_velocity(notes: Notes, velocity: int) -> Notes:
    """The same notes, all at one velocity.

    Raises:
      ValueError: ``velocity`` outside 1..127.
    """
    return notes.replace(velocity=np.full(len(notes), velocity))


def level_difference(
    render: Callable[[Notes], Float[np.ndarray, " S"]],
    notes: Notes,
    soft: int = SOFT,
    loud: int = LOUD,
) -> float:
    """By how many dB ``render`` makes ``notes`` louder at velocity ``loud`` than at ``soft``."""
    return level_db(render(at_velocity(notes, loud))) - level_db(render(at_velocity(notes, soft)))


@dataclass(frozen=True)
class OnsetLevels:
    """Levels just after the onsets of a recording, and how hard the notes there are played.

    Attributes:
      velocity: mean velocity of the notes that begin there, about the recording's mean ``[n]``.
      level: dB, about the recording's mean ``[n]``.
    """

    velocity: Float[np.ndarray, " n"]
    level: Float[np.ndarray, " n"]


def onset_levels(audio: Float[np.ndarray, " S"], sample_rate: int, notes: Notes) -> OnsetLevels:
    """Levels of the 100 ms from each onset on; notes within 30 ms of each other are one onset.

    Onsets where nothing at all sounds are left out: their level is not finite.
    """
    order = np.argsort(notes.start, kind="stable")
    start, velocity = notes.start[order], notes.velocity[order].astype(float)
    parts = np.split(np.arange(len(start)), np.flatnonzero(np.diff(start) > _CHORD_S) + 1)
    rows = []
    for part in parts:
        if not len(part):
            continue
        first = round(float(start[part[0]]) * sample_rate)
        heard = audio[first : first + round(_LISTEN_S * sample_rate)]
        if np.any(heard):
            rows.append((float(velocity[part].mean()), level_db(heard)))
    both = np.array(rows).reshape(-1, 2)
    both = both - both.mean(axis=0) if len(both) else both
    return OnsetLevels(velocity=both[:, 0], level=both[:, 1])


def level_slope(recordings: Sequence[OnsetLevels]) -> float:
    """By how many dB the level rises with each step of velocity, by least squares over all onsets.

    Each recording is taken about its own mean, so that a louder one does not count as played
    harder. Not a number where velocity never varies.
    """
    velocity = np.concatenate([r.velocity for r in recordings])
    level = np.concatenate([r.level for r in recordings])
    spread = float(velocity @ velocity)
    return float(velocity @ level) / spread if spread > 0 else float("nan")
