"""Plays notes as plain tones, to be heard beside a recording."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from mt3synth.symbolic.notes import Notes

_ATTACK_S = 0.004
_RELEASE_S = 0.02
_DECAY_S = 0.8
_CLICK_S = 0.03


def synthesize_tones(notes: Notes, sample_rate: int, samples: int) -> Float[np.ndarray, " S"]:
    """Plays each pitched note as a decaying sine, each drum as a short burst of noise.

    Loudness follows velocity. A tone that would lie above half the sample rate sounds an octave, or
    several, lower. The same notes give the same samples.

    Args:
      notes: in seconds from the first sample on.
      sample_rate: samples per second.
      samples: how many to make; what lasts longer is cut.
    """
    audio = np.zeros(samples, np.float32)
    noise = np.random.default_rng(0).uniform(-1, 1, round(_CLICK_S * sample_rate) + 1)
    rows = zip(notes.start, notes.end, notes.pitch, notes.velocity, notes.is_drum)
    for start, end, pitch, velocity, is_drum in rows:
        first = round(start * sample_rate)
        length = _CLICK_S if is_drum else end - start + _RELEASE_S
        count = min(round(length * sample_rate), samples - first)
        if count <= 0:
            continue
        time = np.arange(count) / sample_rate
        shape = np.minimum(1, time / _ATTACK_S) * np.exp(-time / _DECAY_S)
        shape *= np.clip((length - time) / _RELEASE_S, 0, 1)
        hertz = _lower_to_audible(find_hertz(pitch), sample_rate)
        sound = noise[:count] if is_drum else np.sin(2 * np.pi * hertz * time)
        audio[first : first + count] += velocity / 127 * shape * sound
    return audio


def pan_apart(
    recording: Float[np.ndarray, " S"], notes: Float[np.ndarray, " S"]
) -> Float[np.ndarray, "S 2"]:
    """Puts the recording left and the notes right, equally strong; turns both down if need be."""
    power, target = (float(np.mean(np.square(x))) for x in (notes, recording))
    # Equally strong, or one ear would not hear whether the two come together.
    if power > 0 and target > 0:
        notes = notes * np.float32(np.sqrt(target / power))
    both = np.stack([recording, notes], axis=1).astype(np.float32)
    peak = float(np.max(np.abs(both), initial=0.0))
    return both / np.float32(peak) if peak > 1 else both


def find_hertz(key: float) -> float:
    """Finds the frequency of a MIDI key, equally tempered, A4 at 440 Hz."""
    return 440 * 2 ** ((float(key) - 69) / 12)


def _lower_to_audible(hertz: float, sample_rate: int) -> float:
    while hertz >= 0.45 * sample_rate:
        hertz /= 2
    return hertz
