"""Tones that are known, for transcribers to hear."""

from __future__ import annotations

import numpy as np

from mt3synth.symbolic.notes import Notes

RATE = 16000


def tones(notes: Notes, seconds: float) -> np.ndarray:
    """Plays each note as a decaying tone of six harmonics."""
    audio = np.zeros(int(seconds * RATE))
    for start, end, pitch in zip(notes.start, notes.end, notes.pitch):
        time = np.arange(int((end - start) * RATE)) / RATE
        hertz = 440 * 2 ** ((pitch - 69) / 12)
        tone = sum(np.sin(2 * np.pi * k * hertz * time) / k for k in range(1, 7))
        first = round(start * RATE)
        audio[first : first + len(time)] += 0.1 * tone * np.exp(-2 * time)
    return audio.astype(np.float32)


def line() -> Notes:
    """Writes a line of notes over 8 s."""
    start = np.arange(0.3, 8.0, 0.45)
    count = len(start)
    return Notes(
        start=start,
        end=start + 0.4,
        pitch=60 + (np.arange(count) * 5) % 17,
        velocity=np.full(count, 80),
        program=np.zeros(count),
        is_drum=np.zeros(count),
    )
