"""Computes log-mel frames of audio shifted in pitch, without shifting the audio.

Played r times faster, a sound is higher by the ratio r: ``y(t) = x(r t)``. A frame of y under a
window of L samples is a frame of x under the same window stretched to r L samples, and bin j of an
N-point transform of y is bin j of an r N-point transform of x, r times as large. So the front end
with window and transform r times as long, its filterbank untouched and its magnitudes divided by r,
sees the sound at its new pitch, while its frames stay at the instants where they were: pitch and
formants move, time does not. There is no phase to mend and no resampling filter.

Shifted down, the sound has nothing between ``r`` and 1 times half the sample rate. A band that is
silent in part of the training data would be learnt as such, so above that edge the spectrum stays
where it was: what sounds there is breath and cymbals rather than pitch.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from mt3synth.audio.mel import MelSpec, Transform, log_mel_frames, mel_filterbank
from mt3synth.types import Float, FloatND

MAX_SEMITONES = 12

# A transform whose length has a greater prime factor takes several times as long.
_LARGEST_FACTOR = 31


def shifted_log_mel(
    audio: FloatND, spec: MelSpec, semitones: int, first: int, count: int
) -> Float[np.ndarray, "T M"]:
    """Computes frames of audio ``[S]`` moved by ``semitones``; without a shift, `log_mel`'s.

    Args:
      audio: mono, float; zero after its end.
      spec: the front end.
      semitones: up or, negative, down. The pitch is met to within 2 cents for MELGAN.
      first: the sample at which the first frame starts. A shift up looks at some samples before
        and after each frame, at most half a window.
      count: frames T.

    Raises:
      ValueError: audio of more than one axis or of integers, a shift beyond ``MAX_SEMITONES``, or
        samples wanted from before the audio's start.
    """
    if audio.ndim != 1 or audio.dtype.kind != "f":
        raise ValueError(f"audio {audio.dtype}{list(audio.shape)}; must be mono float [samples]")
    if abs(semitones) > MAX_SEMITONES:
        raise ValueError(f"shift of {semitones} semitones; must be within +-{MAX_SEMITONES}")
    transform = _stretched(spec, semitones)
    # The stretched window keeps its middle where the front end's own has it.
    begin = first - round(spec.window * (transform.fft / spec.fft - 1) / 2)
    if begin < 0:
        raise ValueError(f"frames from sample {begin}; the audio starts at sample 0")
    return log_mel_frames(audio, begin, count, spec, transform)


@lru_cache(maxsize=64)
def _stretched(spec: MelSpec, semitones: int) -> Transform:
    """Makes the front end's transform with window and Fourier transform r times as long."""
    fft = _quick_length(spec.fft * 2 ** (semitones / 12))
    ratio = fft / spec.fft
    length = spec.window * ratio
    phase = np.arange(int(np.ceil(length))) / length
    window = (0.5 - 0.5 * np.cos(2 * np.pi * phase)).astype(np.float32)
    weights = np.zeros((fft // 2 + 1, spec.bins), np.float32)
    bins = np.arange(spec.fft // 2 + 1)
    moved = bins <= fft // 2
    # A bin beyond the edge takes the magnitude at its own frequency instead.
    sources = np.where(moved, bins, (bins * ratio).astype(int))
    np.add.at(weights, sources, mel_filterbank(spec) / np.float32(ratio))
    return Transform.of(window, fft, weights)


def _quick_length(ideal: float) -> int:
    """Finds the whole number next to ``ideal`` that has only small prime factors."""
    nearest = sorted(range(max(1, int(ideal) - 32), int(ideal) + 33), key=lambda n: abs(n - ideal))
    return next(n for n in nearest if _largest_prime_factor(n) <= _LARGEST_FACTOR)


def _largest_prime_factor(number: int) -> int:
    largest, factor = 1, 2
    while factor * factor <= number:
        if number % factor:
            factor += 1
        else:
            largest, number = factor, number // factor
    return max(largest, number)
