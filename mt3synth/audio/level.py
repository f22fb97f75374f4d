"""Fits sound into a file: sets its loudness, limits single peaks, turns down what is too loud.

The limiter is a few lines of NumPy. That of pedalboard, the package of effects most used from
Python, does not look ahead: it clips an attack, is slow to come back from it, and raises all the
rest by half (0.3 became 0.46 beside a peak of 2.7). It is under the GPL, too, as this project is
not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from mt3synth.audio.files import fit_peak
from mt3synth.errors import UserError
from mt3synth.types import Float, FloatND

GAIN = "gain_db"
"""Name, in a file's metadata, of the gain that all of its sound got before it was written, in dB.

Multiplied by ``10 ** (-gain_db / 20)`` the samples are as loud as the vocoder made them, but where
peaks were limited.
"""

LIMITED = "limited_db"
"""Name of the most that was taken off a peak beside that, in dB; absent where nothing was."""

Peaks: TypeAlias = Literal["limit", "scale"]
"""What becomes of a sound that exceeds full scale."""

_BLOCK_S = 1e-3  # within which the limiter's gain is a straight line
_ATTACK_DB = 2.0  # a block: 10 dB in 5 ms, in which a fall cannot be heard before a peak
_RELEASE_DB = 0.04  # a block: 10 dB in 250 ms, so that low notes keep the form of their waves
_FRAME_S = 0.02  # a period of 50 Hz: a low note is loud in each of its frames
_LOUD_SHARE, _LOUD_FRAMES = 0.01, 5  # of a song's frames, and at least, that may be limited
_ROUNDS = 4  # within which the loudness of a limited sound is mostly right
_HEARD_LU = 0.2  # a difference of loudness that is worth a word
LOUDNESS_BLOCK_S = 0.4  # over which ITU-R BS.1770 averages; shorter sounds have no loudness


@dataclass(frozen=True)
class LevelConfig:
    """Says how sound is fitted into a file.

        LevelConfig(loudness=-16.0)

    Attributes:
      peaks: "limit" takes off rare peaks, so that they do not decide how loud a song is, and turns
        down what is too loud throughout; "scale" turns the whole song down until its highest peak
        fits, and leaves its dynamics as they are.
      loudness: integrated loudness in LUFS (ITU-R BS.1770-4) that a song is brought to, its peaks
        being limited or scaled; None leaves it as loud as it is.

    Raises:
      UserError: another name, or a loudness outside -70 to 0 LUFS.
    """

    peaks: Peaks = "limit"
    loudness: float | None = None

    def __post_init__(self) -> None:
        if self.peaks not in get_args(Peaks):
            raise UserError(f"peaks={self.peaks!r}; must be one of {', '.join(get_args(Peaks))}")
        # Below -70 the measure takes sound for silence. Written so that NaN is refused as well.
        if self.loudness is not None and not -70 <= self.loudness <= 0:
            raise UserError(f"loudness={self.loudness} LUFS; must be between -70 and 0")

    def describe(self) -> dict[str, str]:
        """Returns what is not as by default, by name, for the metadata of a file."""
        return {
            **({} if self.peaks == "limit" else {"peaks": self.peaks}),
            **({} if self.loudness is None else {"loudness": str(float(self.loudness))}),
        }


@dataclass(frozen=True)
class Level:
    """Says what was done to a sound to fit it into a file.

    Attributes:
      gain: factor of the whole of it.
      limited: least factor of a peak beside that; 1 if none was limited.
      reports: a line for each thing that was done.
    """

    gain: float
    limited: float
    reports: tuple[str, ...]

    def describe(self) -> dict[str, str]:
        """Returns what the metadata of a file say about it: `GAIN`, and maybe `LIMITED`."""
        values = {GAIN: self.gain, **({LIMITED: self.limited} if self.limited < 1 else {})}
        # A ten-thousandth of a dB is less than a step of 16 bits. Adding 0 makes 0 of -0.
        return {name: str(round(_decibels(value), 4) + 0.0) for name, value in values.items()}


def describe_gain(gain: float) -> dict[str, str]:
    """Returns what a file's metadata say about a factor above 0, so that it can be undone."""
    return Level(gain, 1.0, ()).describe()


def read_gain(metadata: Mapping[str, str]) -> float:
    """Returns the factor of which a file's metadata speak; 1 if they do not, or say no number."""
    try:
        decibels = float(metadata.get(GAIN, "0"))
    except ValueError:  # another program's file, whose comments are its own affair
        return 1.0
    # No sound was ever turned by more; not a number fails this test as well.
    return 10 ** (decibels / 20) if abs(decibels) <= 200 else 1.0


def report_gain(gain: float, loudness: float | None = None) -> tuple[str, ...]:
    """Says in a line by how much a sound was turned up or down, and why; nothing if it was not."""
    why = "so that it does not clip" if loudness is None else f"for {loudness:.1f} LUFS"
    return (f"{_decibels(gain):+.1f} dB, {why}",) if gain != 1 else ()


def fit_level(audio: FloatND, sample_rate: int, config: LevelConfig) -> tuple[FloatND, Level]:
    """Fits a sound into a file; one that fits as it is comes back as the same object.

    Args:
      audio: ``[S]`` or ``[S, C]``, of any level; channels get the same gain.
      sample_rate: samples per second.
      config: what to do.

    Returns:
      The sound in [-1, 1], and what was done to it.
    """
    if config.loudness is None:
        fitted, gain, limited = _fit_peaks(audio, sample_rate, config.peaks)
    else:
        fitted, gain, limited = _fit_loudness(audio, sample_rate, config.peaks, config.loudness)
    reports = [*report_gain(gain, config.loudness)]
    if limited < 1:
        reports.append(f"peaks limited by up to {-_decibels(limited):.1f} dB")
    if config.loudness is not None:
        reached = measure_loudness(fitted, sample_rate)
        if not math.isfinite(reached):
            reports.append("silence, which no gain makes loud")
        elif abs(reached - config.loudness) >= _HEARD_LU:
            reports.append(f"{reached:.1f} LUFS, for its peaks allow no more")
    return fitted, Level(gain, limited, tuple(reports))


def _fit_peaks(audio: FloatND, sample_rate: int, peaks: Peaks) -> tuple[FloatND, float, float]:
    """Fits a sound that is to be as loud as it is; returns it, its gain and its limiter's."""
    if peaks == "scale":
        return *fit_peak(audio), 1.0
    # A limiter that is always at work spoils a sound: what is too loud throughout is turned down.
    body = max(1.0, _body_peak(audio, sample_rate))
    fitted = audio if body == 1 else audio / np.float32(body)
    fitted, limited = limit_peaks(fitted, sample_rate)
    return fitted, 1 / body, limited


def _fit_loudness(
    audio: FloatND, sample_rate: int, peaks: Peaks, loudness: float
) -> tuple[FloatND, float, float]:
    """Fits a sound that is to be so loud; returns it, its gain and its limiter's."""
    measured, fitted = measure_loudness(audio, sample_rate), audio
    gain = limited = 1.0
    if not math.isfinite(measured):
        return _fit_peaks(audio, sample_rate, peaks)
    # What the limiter takes off is missing from the loudness, so the gain is mended a few times.
    for _ in range(_ROUNDS):
        gain *= 10 ** ((loudness - measured) / 20)
        fitted = audio * np.float32(gain)
        if peaks == "scale":
            fitted, down = fit_peak(fitted)
            return fitted, gain * down, 1.0
        fitted, limited = limit_peaks(fitted, sample_rate)
        if limited == 1:
            break
        measured = measure_loudness(fitted, sample_rate)
    return fitted, gain, limited


def limit_peaks(audio: FloatND, sample_rate: int) -> tuple[FloatND, float]:
    """Takes off what exceeds full scale; returns the sound, and the least factor.

    Each peak is met by a gain that falls shortly before it and comes back slowly: the greatest that
    no peak exceeds and that never falls or rises faster. All else stays to the last bit.
    """
    hop = max(1, round(_BLOCK_S * sample_rate))
    needed = np.minimum(0, -20 * np.log10(np.maximum(_block_peaks(audio, hop), 1)))
    if not needed.any():
        return audio, 1.0
    # The gain is a line from edge to edge of each block, so both of its edges have to suffice.
    edges = np.minimum(np.append(needed, 0), np.insert(needed, 0, 0))
    edges = _slowed(edges, _RELEASE_DB)
    edges = 10 ** (_slowed(edges[::-1], _ATTACK_DB)[::-1] / 20)
    channels = audio.shape[1:]
    filled = _lengthened(audio, len(needed) * hop).reshape(-1, hop, *channels)
    busy = np.flatnonzero(np.minimum(edges[:-1], edges[1:]) < 1 - 1e-7)  # the rest is rounding
    slope = (edges[busy + 1] - edges[busy]) / hop
    gains = edges[busy, None] + slope[:, None] * np.arange(hop)
    filled[busy] *= gains.reshape(*gains.shape, *[1] * len(channels))
    # Rounding may leave a peak above 1 by its last bit.
    limited = filled.reshape(-1, *channels)[: len(audio)]
    return np.clip(limited, -1, 1), float(edges.min())


def _slowed(decibels: Float[np.ndarray, " B"], rise: float) -> Float[np.ndarray, " B"]:
    """Returns the highest curve below another that rises by no more than this at a step."""
    ramp = rise * np.arange(len(decibels))
    return np.minimum.accumulate(decibels - ramp) + ramp


def _body_peak(audio: FloatND, sample_rate: int) -> float:
    """Measures how high a song's peaks are but for its few loudest frames."""
    peaks = np.sort(_block_peaks(audio, round(_FRAME_S * sample_rate)))
    few = max(_LOUD_FRAMES, int(_LOUD_SHARE * len(peaks)))
    return float(peaks[-few - 1]) if len(peaks) > few else 0.0


def _block_peaks(audio: FloatND, samples: int) -> Float[np.ndarray, " B"]:
    """Returns the highest absolute sample of each block; the last one may be shorter."""
    heights = np.abs(audio) if audio.ndim == 1 else np.abs(audio).max(axis=1)
    return np.maximum.reduceat(heights, np.arange(0, len(audio), samples)).astype(np.float64)


def _lengthened(audio: FloatND, samples: int) -> FloatND:
    """Returns a copy that ends in silence, if need be to be so long."""
    silence = max(0, samples - len(audio))
    return np.pad(audio, [(0, silence), *[(0, 0)] * (audio.ndim - 1)])


def measure_loudness(audio: FloatND, sample_rate: int) -> float:
    """Measures the integrated loudness in LUFS; minus infinity for silence."""
    from pyloudnorm import Meter  # imports SciPy's filters, for which nobody else has to wait

    long = _lengthened(audio, math.ceil(LOUDNESS_BLOCK_S * sample_rate))
    return float(Meter(sample_rate, block_size=LOUDNESS_BLOCK_S).integrated_loudness(long))


def _decibels(factor: float) -> float:
    return 20 * math.log10(factor)
