"""Computes log-mel frames: the spectrogram that the model generates and every vocoder inverts.

The front end is SoundStream's (the "melgan" codec of Hawthorne et al. 2022, arXiv 2206.05408):
magnitudes of a short-time Fourier transform through triangles on the HTK mel scale, clipped,
natural log. One `MelSpec` travels with data, model, vocoder and bundle, so that no two disagree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from mt3synth.types import Float, FloatND

_CHUNK_FRAMES = 1024  # about 20 s of MELGAN: arrays of a few MB, which stay in the cache


@dataclass(frozen=True)
class MelSpec:
    """Says what a log-mel frame is; by default SoundStream's, which public vocoders read.

    Attributes:
      sample_rate: samples per second.
      hop: samples from one frame to the next; frame ``i`` starts at sample ``i * hop``.
      window: length of the periodic Hann window in samples.
      fft: length of the Fourier transform in samples; the window is zero-padded to it.
      bins: mel bins, M.
      low_hz: lower edge of the lowest triangle.
      high_hz: upper edge of the highest triangle.
      floor: least magnitude, clipped before the log.
      ceiling: greatest magnitude, clipped before the log.
      scale_low: log-mel that the network sees as -1.
      scale_high: log-mel that the network sees as +1.

    Raises:
      ValueError: a field out of its range.
    """

    sample_rate: int = 16_000
    hop: int = 320
    window: int = 640
    fft: int = 1024
    bins: int = 128
    low_hz: float = 0.0
    high_hz: float = 8000.0
    floor: float = 1e-5
    ceiling: float = 1e8
    scale_low: float = float(np.log(1e-5))
    scale_high: float = 4.0

    def __post_init__(self) -> None:
        for name, unit in _COUNTS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise ValueError(f"{name}={value!r} {unit}; must be a whole number")
            if value < 1:
                raise ValueError(f"{name}={value} {unit}; must be at least 1")
            if value > _MOST[name]:
                raise ValueError(f"{name}={value} {unit}; must be at most {_MOST[name]}")
        for name in ("low_hz", "high_hz", "floor", "ceiling", "scale_low", "scale_high"):
            if not np.isfinite(getattr(self, name)):
                raise ValueError(f"{name}={getattr(self, name)}; must be finite")
        if self.window > self.fft:
            raise ValueError(f"window={self.window} samples; must be at most fft={self.fft}")
        if self.hop > self.window:
            raise ValueError(f"hop={self.hop} samples; must be at most window={self.window}")
        if not 0 <= self.low_hz < self.high_hz:
            raise ValueError(f"low_hz={self.low_hz} Hz; must be in 0..high_hz={self.high_hz}")
        if self.high_hz > self.sample_rate / 2:
            raise ValueError(
                f"high_hz={self.high_hz} Hz; must be at most half of sample_rate={self.sample_rate}"
            )
        if not 0 < self.floor < self.ceiling:
            raise ValueError(
                f"floor={self.floor} of magnitude; must be above 0, below ceiling={self.ceiling}"
            )
        if not self.scale_low < self.scale_high:
            raise ValueError(
                f"scale_low={self.scale_low} of log-mel; must be below scale_high={self.scale_high}"
            )

    @property
    def frame_rate(self) -> float:
        """Returns frames per second."""
        return self.sample_rate / self.hop

    def frames(self, samples: int) -> int:
        """Counts the frames that ``samples`` of audio give: the last one may run past the end."""
        return -(-samples // self.hop)

    def to_dict(self) -> dict[str, int | float]:
        """Returns the fields by name, ready for JSON."""
        return asdict(self)

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> MelSpec:
        """Inverts `to_dict`.

        Raises:
          ValueError: a field missing, unknown, or out of its range.
        """
        names = {f.name for f in fields(MelSpec)}
        if names != set(values):
            missing, unknown = sorted(names - set(values)), sorted(set(values) - names)
            raise ValueError(f"mel spec with fields missing: {missing}, unknown: {unknown}")
        typed: dict[str, Any] = {k: v if k in _COUNTS else float(v) for k, v in values.items()}
        return MelSpec(**typed)


def name_differences(spec: MelSpec, other: MelSpec, whose: str) -> str:
    """Names each field in which two specs differ, with both values; "" if there is none.

    name_differences(MELGAN, vocoder.spec, "vocoder")  # hop=320 (vocoder: 882), ...
    """
    ours, theirs = spec.to_dict(), other.to_dict()
    differing = [name for name in ours if ours[name] != theirs[name]]
    return ", ".join(f"{name}={ours[name]} ({whose}: {theirs[name]})" for name in differing)


_COUNTS = {
    "sample_rate": "samples per second",
    "hop": "samples",
    "window": "samples",
    "fft": "samples",
    "bins": "mel bins",
}

# Of no use beyond, and a stranger's file that asks for more asks for all memory there is.
_MOST = {"sample_rate": 2**20, "hop": 2**15, "window": 2**15, "fft": 2**15, "bins": 1024}

MELGAN = MelSpec()
"""SoundStream's front end: 50 frames of 128 bins per second of 16 kHz audio."""


def hann_window(length: int) -> Float[np.ndarray, " window"]:
    """Makes a periodic Hann window: its copies at ``length / 2`` sum to exactly 1."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)


@lru_cache(maxsize=8)
def mel_filterbank(spec: MelSpec) -> Float[np.ndarray, "F M"]:
    """Makes the weights from a frame's F = fft / 2 + 1 magnitudes to its mel bins (read-only).

    Triangles whose slopes are straight in mel (HTK's 1127 ln(1 + f / 700)), of height 1 and no area
    normalisation, the DC bin zero: the definition of TensorFlow's `linear_to_mel_weight_matrix`.
    """
    hz = np.linspace(0, spec.sample_rate / 2, spec.fft // 2 + 1)
    mel = _hertz_to_mel(hz)[:, None]
    edges = np.linspace(_hertz_to_mel(spec.low_hz), _hertz_to_mel(spec.high_hz), spec.bins + 2)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rising = (mel - lower) / (centre - lower)
    falling = (upper - mel) / (upper - centre)
    weights = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    weights[0] = 0
    weights.flags.writeable = False
    return weights


def log_mel(audio: FloatND, spec: MelSpec) -> Float[np.ndarray, "T M"]:
    """Computes natural-log mel magnitudes, float32 ``[T, M]``, of audio ``[S]``; T = ceil(S / hop).

    Audio is taken as zero after its end. Works through the audio in chunks: beside audio and
    result it needs a few MB however long the audio is, and one core does an hour in 2 to 3 s.

    Raises:
      ValueError: audio of more than one axis, or of integers.
    """
    if audio.ndim != 1 or audio.dtype.kind != "f":
        raise ValueError(f"audio {audio.dtype}{list(audio.shape)}; must be mono float [samples]")
    return log_mel_frames(audio, 0, spec.frames(len(audio)), spec, _transform(spec))


class Transform(NamedTuple):
    """Takes the samples of a frame to its mel magnitudes.

    Attributes:
      window: float32 ``[L]``.
      fft: length of the Fourier transform in samples, at least L.
      weights: to the mel bins from the fft // 2 + 1 magnitudes, float32 ``[M, F]``. Sparse, and so
        summed in one order: a BLAS would round as the number of its threads has it.
    """

    window: np.ndarray
    fft: int
    weights: csr_array

    @staticmethod
    def of(window: np.ndarray, fft: int, weights: Float[np.ndarray, "F M"]) -> Transform:
        """Makes one whose weights are as a filterbank has them."""
        return Transform(window, fft, csr_array(weights.T))


@lru_cache(maxsize=8)
def _transform(spec: MelSpec) -> Transform:
    return Transform.of(hann_window(spec.window), spec.fft, mel_filterbank(spec))


def log_mel_frames(
    audio: FloatND, first: int, count: int, spec: MelSpec, transform: Transform
) -> Float[np.ndarray, "T M"]:
    """Computes ``count`` frames of audio ``[S]``, a hop apart, the first from sample ``first``."""
    window, fft, weights = transform
    out = np.empty((count, spec.bins), np.float32)
    begin = 0
    for magnitude in magnitude_blocks(audio, first, count, window, spec.hop, fft):
        out[begin : begin + len(magnitude)] = (weights @ magnitude.T).T
        begin += len(magnitude)
    return np.log(np.clip(out, spec.floor, spec.ceiling, out=out), out=out)


def magnitude_blocks(
    audio: FloatND, first: int, count: int, window: np.ndarray, hop: int, fft: int
) -> Iterator[Float[np.ndarray, "T F"]]:
    """Yields magnitudes of short-time Fourier transforms, some thousand frames at a time.

    Args:
      audio: ``[S]``; zero after its end.
      first: the sample at which the first frame starts.
      count: frames in all blocks together.
      window: ``[L]``, applied to each frame.
      hop: samples from frame to frame.
      fft: length of the transform in samples, at least L; F = fft / 2 + 1.
    """
    for begin in range(0, count, _CHUNK_FRAMES):
        rows = min(_CHUNK_FRAMES, count - begin)
        needed = (rows - 1) * hop + len(window)
        samples = np.asarray(audio[first + begin * hop :][:needed], np.float32)
        samples = np.pad(samples, (0, needed - len(samples)))
        frames = np.lib.stride_tricks.sliding_window_view(samples, len(window))[::hop]
        yield np.abs(np.fft.rfft(frames * window, n=fft, axis=-1))


def to_network(log_mel: Float[np.ndarray, "*B M"], spec: MelSpec) -> Float[np.ndarray, "*B M"]:
    """Scales log-mel, [scale_low, scale_high], to the network's [-1, 1], clipped, float32."""
    unit = (log_mel - spec.scale_low) / (spec.scale_high - spec.scale_low)
    return np.clip(2 * unit - 1, -1, 1).astype(np.float32)


def from_network(x: Float[np.ndarray, "*B M"], spec: MelSpec) -> Float[np.ndarray, "*B M"]:
    """Scales the network's range to log-mel, float32: inverts `to_network` on [-1, 1]."""
    unit = (np.asarray(x, np.float32) + 1) / 2
    return (unit * (spec.scale_high - spec.scale_low) + spec.scale_low).astype(np.float32)


def _hertz_to_mel(hz: np.ndarray | float) -> np.ndarray:
    return np.asarray(1127.0 * np.log1p(np.asarray(hz, np.float64) / 700.0))
