"""How much louder a passage becomes when its notes are played harder."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from mt3synth.symbolic.notes import Notes

SOFT, LOUD = 30, 110


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
