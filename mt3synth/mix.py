"""Sums the sound of a song's parts, so that the files of the parts add up to that of the mix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mt3synth.types import FloatND

_FULL_SCALE = 2**15
"""Steps of a 16-bit file from silence to 1; the last of them is just beyond what it can hold."""


class Mix(NamedTuple):
    """Holds a mix and what it is the sum of.

    Attributes:
      audio: float32 ``[S]`` or, of stereo parts, ``[S, 2]``; in [-1, 1].
      stems: sound of each part by its name, as long as the mix.
      gain: with which all of them were turned down so that nothing clips; 1 if nothing was.
    """

    audio: FloatND
    stems: dict[str, FloatND]
    gain: float


def mix_parts(sounds: Mapping[str, FloatND]) -> Mix:
    """Sums the sounds of parts; shorter ones end in silence.

    Every stem is rounded to the steps of a 16-bit file before they are summed. So the files of the
    stems add up to that of the mix to the last bit, and not only to within a rounding of each.

    Args:
      sounds: of each part by its name, at least one; of any length and any level.
    """
    padded = dict(zip(sounds, _pad(list(sounds.values()))))
    # One gain for all, or the stems would no longer add up.
    tallest = max(float(np.max(np.abs(sound), initial=0.0)) for sound in padded.values())
    peak = max(tallest, float(np.max(np.abs(_sum(padded)), initial=0.0)))
    # Rounding may add half a step for each stem, and the last step is not to be reached.
    highest = 1 - (1 + len(padded) / 2) / _FULL_SCALE
    gain = highest / peak if peak > highest else 1.0
    steps = {name: np.rint(gain * _FULL_SCALE * sound) for name, sound in padded.items()}
    stems = {name: (step / _FULL_SCALE).astype(np.float32) for name, step in steps.items()}
    return Mix((_sum(steps) / _FULL_SCALE).astype(np.float32), stems, gain)


def add_sounds(sounds: Sequence[FloatND]) -> FloatND:
    """Sums sounds of any length, at least one; a single one stays as it is."""
    return sounds[0] if len(sounds) == 1 else np.sum(_pad(sounds), axis=0)


def add_streams(streams: Sequence[Iterator[FloatND]]) -> Iterator[FloatND]:
    """Sums sounds ``[S]`` while they are made, in parts of any length; shorter ones end in silence.

    No more of any of them is held than what one hands over at a time.
    """
    rests: dict[int, FloatND] = {number: np.zeros(0, np.float32) for number in range(len(streams))}
    while rests:
        for number in list(rests):
            while number in rests and not len(rests[number]):
                following = next(streams[number], None)
                if following is None:
                    del rests[number]
                else:
                    rests[number] = following
        count = min((len(rest) for rest in rests.values()), default=0)
        if count:
            yield np.asarray(np.sum([rest[:count] for rest in rests.values()], axis=0), np.float32)
        rests = {number: rest[count:] for number, rest in rests.items()}


def _pad(sounds: Sequence[FloatND]) -> list[FloatND]:
    """Lets the shorter of some sounds end in silence."""
    length = max(len(sound) for sound in sounds)
    return [
        np.pad(sound, [(0, length - len(sound))] + [(0, 0)] * (sound.ndim - 1)) for sound in sounds
    ]


def _sum(sounds: Mapping[str, FloatND]) -> FloatND:
    return np.sum(list(sounds.values()), axis=0)
