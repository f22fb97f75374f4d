"""Defines what a transcriber is."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes
from mt3synth.types import Float


class NotInstalled(UserError):
    """A transcriber that would be known, were it installed; the message says how to install it."""


@runtime_checkable
class Transcriber(Protocol):
    """Takes audio to notes: mono float32 of any length, and its samples per second.

    transcriber: Transcriber = BasicPitch()
    notes = transcriber(audio, 16000)
    """

    def __call__(self, audio: Float[np.ndarray, " S"], sample_rate: int) -> Notes: ...
