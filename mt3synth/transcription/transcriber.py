"""Defines what a transcriber is, and what the built-in ones do alike."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import soxr

from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes
from mt3synth.types import Float, FloatND


class NotInstalled(UserError):
    """A transcriber that would be known, were it installed; the message says how to install it."""


@runtime_checkable
class Transcriber(Protocol):
    """Takes audio to notes: mono float32 of any length, and its samples per second.

    transcriber: Transcriber = BasicPitch()
    notes = transcriber(audio, 16000)
    """

    def __call__(self, audio: Float[np.ndarray, " S"], sample_rate: int) -> Notes: ...


def take_to_rate(
    audio: Float[np.ndarray, " S"], sample_rate: int, heard_rate: int
) -> Float[np.ndarray, " S2"]:
    """Takes mono audio to the rate at which a transcriber hears, as float32."""
    audio = audio.astype(np.float32, copy=False)
    return audio if sample_rate == heard_rate else soxr.resample(audio, sample_rate, heard_rate)


def make_notes(start: FloatND, end: FloatND, pitch: np.ndarray, velocity: np.ndarray) -> Notes:
    """Makes notes of whoever tells no instruments apart: program 0, no drums, velocities 1..127."""
    same = np.zeros(len(start))
    return Notes(start, end, pitch, np.clip(velocity, 1, 127), program=same, is_drum=same)
