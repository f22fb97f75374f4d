"""Plays a sound at a speed that changes, as a tape does, so that its pitch follows a curve.

Pitch and time move together, which is what makes it exact: nothing is cut into frames, and no
phase has to be guessed. Whoever makes the sound can lay out its notes beforehand where the changing
speed will bring them back to their times (`Varispeed.source_seconds`). What remains is that the
beginnings and ends of tones are as much faster as they are higher.
"""

from __future__ import annotations

import numpy as np
import soxr
from scipy.ndimage import map_coordinates

from mt3synth.types import Float, FloatND

# At twice the rate a spline of order 5 is within -70 dB of a sine at three quarters of the band.
_OVERSAMPLING, _ORDER = 2, 5
_MARGIN = 64  # samples around a block, by whose end the spline has forgotten where it was cut
_BLOCK = 1 << 20


class Varispeed:
    """Moves the pitch of a sound along a curve.

        glide = Varispeed(np.linspace(0, 2, 1000), 0.001)  # up by a whole tone within a second
        laid_out = notes.replace(start=glide.source_seconds(notes.start), ...)
        glide.play(render(laid_out), 16000)  # the notes are at their times again

    Args:
      semitones: what the pitch is moved by at 0, ``hop``, 2 ``hop``, ... seconds of the result; the
        last one holds from there on.
      hop: seconds.
    """

    def __init__(self, semitones: Float[FloatND, " K"], hop: float) -> None:
        speed = 2 ** (np.asarray(semitones, np.float64) / 12)
        self._times = hop * np.arange(len(speed))
        self._source = np.append(0, np.cumsum(hop * (speed[1:] + speed[:-1]) / 2))
        self._last_speed = float(speed[-1])

    def source_seconds(self, seconds: FloatND | float) -> FloatND:
        """Tells which moment of the sound is heard at each moment of the result."""
        beyond = np.maximum(np.asarray(seconds) - self._times[-1], 0)
        inside = np.interp(seconds, self._times, self._source)
        return np.asarray(inside + self._last_speed * beyond)

    def play(self, audio: Float[FloatND, " S"], sample_rate: int) -> Float[FloatND, " R"]:
        """Plays a sound to its end; what would come to lie above the band is filtered out."""
        rate = _OVERSAMPLING * sample_rate
        dense = soxr.resample(np.asarray(audio, np.float32), sample_rate, rate)
        count = int(self._seconds(len(dense) / rate) * rate)
        blocks = [
            self._read(dense, np.arange(first, min(first + _BLOCK, count)), rate)
            for first in range(0, count, _BLOCK)
        ]
        played = np.concatenate([np.zeros(0, np.float32), *blocks])
        return np.asarray(soxr.resample(played, rate, sample_rate), np.float32)

    def _seconds(self, source: float) -> float:
        """Tells when a moment of the sound is heard."""
        beyond = max(source - float(self._source[-1]), 0.0) / self._last_speed
        return float(np.interp(source, self._source, self._times)) + beyond

    def _read(
        self, dense: Float[FloatND, " D"], samples: np.ndarray, rate: int
    ) -> Float[FloatND, " B"]:
        at = self.source_seconds(samples / rate) * rate
        first = max(int(at[0]) - _MARGIN, 0)
        near = dense[first : int(at[-1]) + _MARGIN]
        return np.asarray(map_coordinates(near, [at - first], np.float32, _ORDER, mode="nearest"))
