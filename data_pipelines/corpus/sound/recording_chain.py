"""Records through equaliser, compressor, tape and line noise.

Every step keeps onsets in place (filters are second-order sections, the wow stays below a
millisecond) and none normalises a song by its own peak: soft songs stay soft.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfilt

_LIMIT_KNEE = 0.8


@dataclass(frozen=True)
class Chain:
    """Describes a recording chain; the defaults leave the signal as it is.

        old_radio = Chain(low_hz=200, high_hz=4000, drive=3.0, hiss_db=-60)

    Attributes:
      low_hz, high_hz: band that passes (fourth-order Butterworth); 0 leaves that side open.
      tilt_db: treble against bass, pivot 1 kHz: +6 is bright, -6 dark (half of it on each side).
      threshold_db, ratio: compressor on the slow level (dB full scale); ratio 1 is none.
      drive: tape saturation; 0 none, 2 strong.
      hiss_db: RMS of added hiss in dB full scale; -120 or less is none.
      wow: peak speed deviation of a slow wow, as a fraction; 0 none.
      gain_db: at the end.
    """

    low_hz: float = 0.0
    high_hz: float = 0.0
    tilt_db: float = 0.0
    threshold_db: float = 0.0
    ratio: float = 1.0
    drive: float = 0.0
    hiss_db: float = -120.0
    wow: float = 0.0
    gain_db: float = 0.0

    def __post_init__(self) -> None:
        if self.ratio < 1:
            raise ValueError(f"ratio={self.ratio}; must be at least 1")
        if not 0 <= self.wow <= 0.005:
            raise ValueError(f"wow={self.wow}; must be within 0..0.005")
        if self.drive < 0:
            raise ValueError(f"drive={self.drive}; must be at least 0")
        if self.low_hz < 0 or self.high_hz < 0:
            raise ValueError(f"band {self.low_hz}..{self.high_hz} Hz; must be at least 0")


def record(
    audio: np.ndarray, chain: Chain, sample_rate: int, rng: np.random.Generator
) -> np.ndarray:
    """Sends ``audio`` through the chain, float32 ``[S]``; ``rng`` draws hiss and wow's phase."""
    signal = audio.astype(np.float64)
    # In the order of a real chain: speed, compressor, saturation, noise, then the equaliser.
    if chain.wow:
        signal = _add_wow(signal, chain.wow, sample_rate, rng)
    # Steps that would do nothing are skipped, so that a plain chain leaves every sample as it is.
    if chain.ratio > 1:
        signal = _compress(signal, chain.threshold_db, chain.ratio, sample_rate)
    if chain.drive:
        signal = np.tanh(chain.drive * signal) / chain.drive
    if chain.hiss_db > -120:
        signal = signal + 10 ** (chain.hiss_db / 20) * rng.standard_normal(len(signal))
    if chain.tilt_db:
        signal = _tilt(signal, chain.tilt_db, sample_rate)
    nyquist = sample_rate / 2
    if chain.low_hz:
        signal = sosfilt(butter(4, chain.low_hz / nyquist, "highpass", output="sos"), signal)
    if chain.high_hz:
        signal = sosfilt(butter(4, chain.high_hz / nyquist, "lowpass", output="sos"), signal)
    return limit(signal * 10 ** (chain.gain_db / 20)).astype(np.float32)


def limit(signal: np.ndarray) -> np.ndarray:
    """Leaves what is below 0.8 of full scale; bends the rest softly, so that nothing passes 1."""
    size = np.abs(signal)
    room = 1 - _LIMIT_KNEE
    bent = _LIMIT_KNEE + room * np.tanh((size - _LIMIT_KNEE) / room)
    return np.where(size > _LIMIT_KNEE, np.sign(signal) * bent, signal)


def _add_wow(
    signal: np.ndarray, depth: float, sample_rate: int, rng: np.random.Generator
) -> np.ndarray:
    """Moves time to and fro by ``depth / (2 pi f)`` seconds at f = 0.7 Hz."""
    frequency = 0.7
    time = np.arange(len(signal)) / sample_rate
    phase = rng.uniform(0, 2 * np.pi)
    moved = time + depth / (2 * np.pi * frequency) * np.sin(2 * np.pi * frequency * time + phase)
    return np.interp(moved, time, signal)


def _compress(
    signal: np.ndarray, threshold_db: float, ratio: float, sample_rate: int
) -> np.ndarray:
    """Compresses by an RMS level smoothed over 50 ms, fed forward."""
    # One pole of 50 ms is slow enough to leave attacks and low notes their shape.
    smooth = butter(1, 1 / (np.pi * 0.05) / sample_rate, output="sos")
    power = np.maximum(sosfilt(smooth, signal**2), 1e-12)
    over = np.maximum(10 * np.log10(power) - threshold_db, 0.0)
    return signal * 10 ** (-over * (1 - 1 / ratio) / 20)


def _tilt(signal: np.ndarray, tilt_db: float, sample_rate: int) -> np.ndarray:
    """Splits bass and treble at 1 kHz by one pole and weighs them against each other."""
    # The two bands add up to the signal itself, so a tilt of 0 changes nothing.
    low = sosfilt(butter(1, 1000 / (sample_rate / 2), output="sos"), signal)
    lift = 10 ** (tilt_db / 40)
    return low / lift + (signal - low) * lift
