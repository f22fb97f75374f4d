"""Finds where in a recording the notes of a given key begin.

For every semitone the log energy of a short Fourier transform is followed in time. Its rise over
two frames some milliseconds apart is large at an onset; its curvature is large where a rise begins,
however slowly the instrument speaks. A key's evidence is that of its semitone and its harmonics.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from data_pipelines.alignment.features import SAMPLE_RATE
from mt3synth.types import FloatND

HOP = 110
"""Samples between frames, 5 ms."""
EVIDENCE_RATE = SAMPLE_RATE / HOP
"""Frames per second."""
_LOWEST, _HIGHEST = 36, 120  # semitones; below, a window of 93 ms cannot tell them apart
_HARMONICS = 5
_RISE_WINDOW, _RISE_LAG = 2048, 4  # samples; frames to either side
_CURVATURE_WINDOW, _CURVATURE_LAG = 1024, 5
_COMPRESSION = 1e6  # energies from 60 dB below the loudest on count in proportion to their log
_ONSET_FRAMES = 20.0  # an onset lasts about 10 frames, with three times the mean rise
_BLOCK = 4096  # frames transformed at a time
_QUIETEST_BAND = 0.1  # of the mean activity; what every semitone's is at least taken to be


@dataclass(frozen=True, eq=False)
class OnsetEvidence:
    """Onsets of every semitone over time, each semitone relative to its own mean.

    Attributes:
      rise: rise of the log energy, not below 0, float32 ``[N, 85]``.
      curvature: how much its slope grows, float32 ``[N, 85]``.
    """

    rise: FloatND
    curvature: FloatND

    def rises(self, times: FloatND, pitch: FloatND) -> FloatND:
        """Reads the rise ``[...]`` of keys ``pitch`` at ``times`` in seconds, broadcast."""
        return _sample(self.rise, times, pitch)

    def curvatures(self, times: FloatND, pitch: FloatND) -> FloatND:
        """Reads the curvature ``[...]`` of keys ``pitch`` at ``times``, both of one shape."""
        return _sample(self.curvature, times, pitch)

    def passed(self, times: FloatND) -> FloatND:
        """Sums up how much has begun by each of ``times`` ``[...]``: an onset adds one or a few.

        Of all keys together, as far as more of them begin than do on average.
        """
        total = self._total
        return np.interp(times * EVIDENCE_RATE, np.arange(len(total)) - 0.5, total)

    @cached_property
    def _total(self) -> FloatND:
        busy = np.maximum(self.rise.mean(axis=1) / self.rise.mean() - 1, 0)
        return np.concatenate([[0.0], np.cumsum(busy)]) / _ONSET_FRAMES


def find_onset_evidence(audio: FloatND) -> OnsetEvidence:
    """Finds the evidence in ``audio``, mono ``[S]`` at `features.SAMPLE_RATE`, not silent."""
    level = _measure_log_energy(audio, _RISE_WINDOW)
    rise = np.zeros_like(level)
    lag = _RISE_LAG
    rise[lag:-lag] = np.maximum(level[2 * lag :] - level[: -2 * lag], 0)
    level = _measure_log_energy(audio, _CURVATURE_WINDOW)
    curvature = np.zeros_like(level)
    lag = _CURVATURE_LAG
    curvature[lag:-lag] = level[2 * lag :] + level[: -2 * lag] - 2 * level[lag:-lag]
    return OnsetEvidence(_equalize(rise), _equalize(curvature))


def _measure_log_energy(audio: FloatND, window: int) -> FloatND:
    """Measures the log energy of semitones ``[N, 85]``, relative to the recording's loud parts."""
    taper = np.hanning(window + 2)[1:-1].astype(np.float32)
    padded = np.pad(audio.astype(np.float32), window // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[: len(audio) : HOP]
    spacing = SAMPLE_RATE / window
    keys = np.arange(_LOWEST, _HIGHEST + 1)
    centre = 440 * 2 ** ((keys - 69) / 12) / spacing
    low, high = np.floor(centre - 0.5).astype(int), np.ceil(centre + 0.5).astype(int)
    high = np.minimum(high, window // 2)
    # In blocks, for all frames of a long recording would not fit into memory at once.
    energy = np.empty((len(frames), len(keys)), np.float32)
    for at in range(0, len(frames), _BLOCK):
        power = np.abs(np.fft.rfft(frames[at : at + _BLOCK] * taper)) ** 2
        for band, (first, last) in enumerate(zip(low, high)):
            energy[at : at + _BLOCK, band] = power[:, first : last + 1].max(axis=1)
    # Not the maximum, which may be a cough.
    loud = float(np.percentile(energy.max(axis=1), 95))
    energy *= _COMPRESSION / max(loud, float(np.finfo(np.float32).tiny))
    return np.log1p(energy, out=energy)


def _equalize(activity: FloatND) -> FloatND:
    """Divides each semitone by its mean, so that a busy or noisy one does not outweigh others."""
    mean = np.abs(activity).mean(axis=0)
    activity /= np.maximum(mean + _QUIETEST_BAND * mean.mean(), np.finfo(np.float32).tiny)
    return activity


def _sample(activity: FloatND, times: FloatND, pitch: FloatND) -> FloatND:
    """Averages a key's harmonics at the nearest frames; gives 0 outside the recording."""
    frame = np.round(times * EVIDENCE_RATE).astype(int)
    inside = (frame >= 0) & (frame < len(activity))
    frame = np.clip(frame, 0, len(activity) - 1)
    total, weights = np.zeros(frame.shape), np.zeros(frame.shape)
    for harmonic in range(1, _HARMONICS + 1):
        band = pitch + round(12 * np.log2(harmonic)) - _LOWEST
        covered = (band >= 0) & (band <= _HIGHEST - _LOWEST)
        # Higher harmonics belong to other keys as well, and count less.
        weight = covered / np.sqrt(harmonic)
        total += weight * activity[frame, np.clip(band, 0, _HIGHEST - _LOWEST)]
        weights += weight
    return np.where(inside & (weights > 0), total / np.maximum(weights, 1e-9), 0.0)
