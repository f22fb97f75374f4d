"""Moves spectra along the mel scale by a fraction of a semitone, so that gradients pass.

What is at a frequency f comes from f divided by the ratio, by cubic interpolation between bins
(Keys 1981, "Cubic convolution interpolation for digital image processing"). But a partial does not
look alike wherever it is: low mel bins are as narrow as bins of the Fourier transform, and catch
more or less of it. Of a comb of partials at two pitches it is known how it looks at either; by as
much as that is another thing than the one moved to the other, the moved spectrum is put right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax.numpy as jnp
import numpy as np

from mt3synth.types import Array, Float, Int

MOST_SEMITONES = 0.5
"""Further from its key a tone is nearer to another key."""

KEYS = 128
_STEPS = 10  # to either side of a key, for which its comb is known
_LOWEST_KEY = 33  # 55 Hz; partials of lower ones are not told apart by any window of ours
_VALLEY = 0.01  # of the highest peak: what rooms and noises leave between partials
_MEL = 1127.0  # of HTK's scale, as `mt3synth.audio.mel` has it
_REACH = 2  # bins on either side that cubic interpolation looks at


@dataclass(frozen=True)
class MelAxis:
    """Says which frequencies the bins of a mel spectrum catch; as in `mt3synth.audio.mel.MelSpec`.

    Attributes:
      bins: M.
      low_hz, high_hz: edges of the lowest and the highest triangle.
      sample_rate: samples per second.
      window: of a frame, in samples.
      fft: length of the transform, in samples.
    """

    bins: int
    low_hz: float
    high_hz: float
    sample_rate: int
    window: int
    fft: int

    @property
    def edges(self) -> np.ndarray:
        """Returns the edges and centres of the triangles in mel, ``[M + 2]``."""
        low, high = (_MEL * math.log1p(hz / 700) for hz in (self.low_hz, self.high_hz))
        return np.linspace(low, high, self.bins + 2)


def shift_spectra(
    spectra: Float[Array, "B N K M"],
    key: Int[Array, "B N"],
    semitones: Float[Array, "B N"],
    is_pitched: Array,
    axis: MelAxis,
) -> Float[Array, "B N K M"]:
    """Moves log magnitudes up by ``semitones``, at most `MOST_SEMITONES` either way.

    By 0 semitones nothing changes, to the last bit.

    Args:
      spectra: of each note, log magnitudes.
      key: at which each is.
      semitones: of each note; those beyond the bounds are moved to them.
      is_pitched: whether it has partials, bool ``[B, N]``.
      axis: of the bins.
    """
    far = jnp.clip(semitones, -MOST_SEMITONES, MOST_SEMITONES)
    moved = _move(spectra, far[..., None], axis, jnp)
    # Between two pitches of the table in a straight line.
    at = (far / MOST_SEMITONES + 1) * _STEPS
    below = jnp.clip(jnp.floor(at), 0, 2 * _STEPS - 1).astype(jnp.int32)
    share = (at - below)[..., None]
    table = jnp.asarray(_corrections(axis))
    right = (1 - share) * table[key, below] + share * table[key, below + 1]
    return moved + jnp.where(is_pitched[..., None], right, 0.0)[..., None, :]


def _move(spectra: Any, semitones: Any, axis: MelAxis, numpy: Any) -> Any:
    """Interpolates spectra ``[..., K, M]`` moved by semitones ``[..., 1]``."""
    edges = axis.edges
    step = edges[1] - edges[0]
    centres = np.float32(700 * np.expm1(edges[1:-1] / _MEL))
    ratio = numpy.exp2(-semitones / 12)
    # How many bins away what comes here is; written so that it is exactly 0 where nothing moves.
    away = _MEL * numpy.log1p(centres * (ratio - 1) / (700 + centres)) / step
    furthest = _MEL * math.log1p(
        axis.high_hz / (700 + axis.high_hz) * (2 ** (MOST_SEMITONES / 12) - 1)
    )
    taps = math.ceil(furthest / step) + _REACH
    around = [(0, 0)] * (spectra.ndim - 1) + [(taps, taps)]
    padded = numpy.pad(spectra, around, mode="edge")
    moved = numpy.zeros_like(spectra)
    for tap in range(-taps, taps + 1):
        share = _cubic(tap - away, numpy)[..., None, :]
        moved = moved + share * padded[..., taps + tap : taps + tap + axis.bins]
    return moved


def _cubic(x: Any, numpy: Any) -> Any:
    """Returns Keys' kernel, 1 at 0 and 0 at all other whole numbers and beyond 2."""
    x = numpy.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return numpy.where(x < 1, near, numpy.where(x < 2, far, 0.0))


@lru_cache(maxsize=4)
def _corrections(axis: MelAxis) -> Float[np.ndarray, "keys steps M"]:
    """By what a comb at a pitch near a key is another than the key's own comb moved there.

    In steps from `MOST_SEMITONES` below the key to as much above; 0 at the key itself.
    """
    far = MOST_SEMITONES * np.linspace(-1, 1, 2 * _STEPS + 1)
    table = np.zeros((KEYS, len(far), axis.bins), np.float32)
    for key in range(_LOWEST_KEY, KEYS):
        hertz = 440 * 2 ** ((key - 69 + far) / 12)
        if hertz[-1] < axis.high_hz:
            combs = np.stack([_comb(f0, axis) for f0 in hertz])
            own = combs[_STEPS][None, None]
            table[key] = combs - np.stack([_move(own, np.full(1, s), axis, np)[0, 0] for s in far])
            table[key, _STEPS] = 0.0
    return table


def _comb(f0: float, axis: MelAxis) -> Float[np.ndarray, " M"]:
    """Returns log magnitudes of partials of one level, of which the powers add up."""
    hz = np.linspace(0, axis.sample_rate / 2, axis.fft // 2 + 1)
    partials = f0 * np.arange(1, int(axis.high_hz / f0) + 1)
    # The transform of a Hann window, by how many of its own bins a partial is away.
    away = (hz[:, None] - partials) * axis.window / axis.sample_rate
    lobes = np.sinc(away) + 0.5 * (np.sinc(away - 1) + np.sinc(away + 1))
    magnitude = np.sqrt(np.sum(np.square(lobes), axis=1))
    mel, edges = _MEL * np.log1p(hz / 700)[:, None], axis.edges
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    slopes = np.minimum((mel - lower) / (centre - lower), (upper - mel) / (upper - centre))
    caught = magnitude @ np.maximum(slopes, 0)
    return np.log(caught + _VALLEY * caught.max())
