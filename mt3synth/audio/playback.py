"""Makes sound that comes block by block fit to be played while the rest is made."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

import numpy as np

from mt3synth.types import Float, FloatND

_KNEE = 0.9
"""Up to this level sound stays as it is; what a model makes is hardly ever louder."""


def limit_softly(audio: Float[np.ndarray, " S"]) -> Float[np.ndarray, " S"]:
    """Bends samples beyond 0.9 so that none exceeds 1; all others stay as they are.

    Each sample by itself: how loud a song becomes is not known while it is played, and a gain that
    follows the sound would depend on where blocks end.
    """
    level = np.abs(audio)
    if not np.any(level > _KNEE):
        return audio
    bent = _KNEE + (1 - _KNEE) * np.tanh((level - _KNEE) / (1 - _KNEE))
    return np.where(level > _KNEE, np.sign(audio) * bent, audio).astype(np.float32)


def in_blocks(parts: Iterable[FloatND], samples: int) -> Iterator[Float[np.ndarray, " S"]]:
    """Yields sound in blocks of so many samples, whatever parts it comes in; the last is shorter.

    Raises:
      ValueError: fewer than one sample.
    """
    if samples < 1:
        raise ValueError(f"samples={samples}; must be at least 1")
    rest = np.zeros(0, np.float32)
    for part in parts:
        rest = np.concatenate([rest, part])
        whole = len(rest) - len(rest) % samples
        yield from np.split(rest[:whole], whole // samples) if whole else ()
        rest = rest[whole:]
    if len(rest):
        yield rest


def to_pcm(audio: Float[np.ndarray, " S"]) -> bytes:
    """Returns samples within [-1, 1] as 16-bit integers, the lower byte first."""
    return np.rint(audio * 32767).astype("<i2").tobytes()


def wav_header(samples: int, sample_rate: int) -> bytes:
    """Makes the head of a mono 16-bit WAV file, which libraries would want to go back to."""
    # Of more than 4 GB players read on to the end, whatever stands here.
    size = min(2 * samples, 2**32 - 37)
    riff = struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    return riff + form + struct.pack("<4sI", b"data", size)
