"""Makes rooms: synthetic impulse responses, the same for the same numbers.

Direct sound, a few early reflections, then noise that dies away exponentially, faster at high
frequencies, as air and walls absorb them (Moorer, "About this reverberation business", 1979).
The direct sound is sample 0, so a room never moves an onset.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, oaconvolve, sosfiltfilt

# Hz. Within a band all frequencies die away together, and each goes on where the last one ends.
_BANDS = ((0.0, 300.0), (300.0, 1200.0), (1200.0, 3500.0), (3500.0, 8000.0))


@dataclass(frozen=True)
class Room:
    """Describes a room and the microphone's distance in it.

    Attributes:
      rt60_s: seconds in which the reverberation falls by 60 dB, around 1 kHz.
      bass_ratio, treble_ratio: RT60 below 300 Hz and above 3.5 kHz, relative to ``rt60_s``.
      direct_to_reverb_db: energy of the direct sound over that of all the rest, dB.
      predelay_ms: before the first reflection, milliseconds.
      seed: which room of that kind.
    """

    rt60_s: float
    bass_ratio: float
    treble_ratio: float
    direct_to_reverb_db: float
    predelay_ms: float
    seed: int

    def __post_init__(self) -> None:
        if not 0.05 <= self.rt60_s <= 10:
            raise ValueError(f"rt60_s={self.rt60_s} s; must be within 0.05..10 s")
        if min(self.bass_ratio, self.treble_ratio) <= 0:
            raise ValueError(
                f"bass_ratio={self.bass_ratio}, treble_ratio={self.treble_ratio}; "
                "must be more than 0"
            )
        if self.predelay_ms < 0:
            raise ValueError(f"predelay_ms={self.predelay_ms} ms; must be at least 0")


def make_impulse_response(room: Room, sample_rate: int) -> np.ndarray:
    """Makes the room's response, float32 ``[S]``; sample 0 is the direct sound, at 1."""
    rng = np.random.default_rng(room.seed)
    # A little beyond 60 dB below, where cutting the tail off is not heard.
    length = int(1.1 * room.rt60_s * max(room.bass_ratio, 1.0) * sample_rate)
    time = np.arange(length) / sample_rate
    first = int(room.predelay_ms * sample_rate / 1000) + 1
    noise = rng.standard_normal(length)
    tail = np.zeros(length)
    ratios = (room.bass_ratio, 1.0, (1 + room.treble_ratio) / 2, room.treble_ratio)
    for (low, high), ratio in zip(_BANDS, ratios):
        decay = np.exp(-np.log(1000.0) * time / (room.rt60_s * ratio))
        tail += _filter_band(noise, low, high, sample_rate) * decay
    # The tail sets in over 20 ms: reflections lead to it, a sudden noise would be an echo.
    onset = int(0.02 * sample_rate)
    tail[first : first + onset] *= np.linspace(0, 1, onset)[: max(length - first, 0)]
    tail[:first] = 0
    reflections = np.zeros(length)
    count = 9
    delays = first + np.sort(rng.uniform(0, 0.05 * min(room.rt60_s, 1.0) + 0.008, count)) * (
        sample_rate
    )
    # Signs at random keep the reflections from adding up in the bass.
    gains = rng.choice([-1.0, 1.0], count) * 10 ** (-rng.uniform(2, 12, count) / 20)
    reflections[np.minimum(delays.astype(int), length - 1)] += gains
    tail /= np.sqrt(np.sum(tail**2))
    reflections /= np.sqrt(np.sum(reflections**2))
    # Of the energy after the direct sound 70 % is tail, 30 % early reflections.
    rest = np.sqrt(0.7) * tail + np.sqrt(0.3) * reflections
    rest *= 10 ** (-room.direct_to_reverb_db / 20) / np.sqrt(np.sum(rest**2))
    # At 1 whatever the room: the dry sound keeps its level.
    rest[0] += 1.0
    return rest.astype(np.float32)


def _filter_band(noise: np.ndarray, low: float, high: float, sample_rate: int) -> np.ndarray:
    nyquist = sample_rate / 2
    if high >= nyquist:
        sos = butter(2, low / nyquist, "highpass", output="sos")
    elif low <= 0:
        sos = butter(2, high / nyquist, "lowpass", output="sos")
    else:
        sos = butter(2, [low / nyquist, high / nyquist], "bandpass", output="sos")
    # Both ways, so that the bands stay in time with each other.
    return sosfiltfilt(sos, noise)


def reverberate(audio: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Puts ``audio`` into the room: float32 ``[S]``, of the same length and alignment."""
    return oaconvolve(audio, response)[: len(audio)].astype(np.float32)
