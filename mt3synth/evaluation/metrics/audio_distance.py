"""Measures how far audio is from a recording of the same notes, played at the same times.

All three compare sample for sample, or frame for frame: they mean something only where the two are
aligned, as a rendering of a score is with another rendering of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from mt3synth.audio.log_mel_distance import WITHIN_DB, log_mel_l1
from mt3synth.audio.mel import MelSpec, hann_window, log_mel, magnitude_blocks
from mt3synth.evaluation.evaluation_set import LABELS
from mt3synth.evaluation.metrics.metric import (
    Evaluators,
    Figures,
    HeardPiece,
    Measurements,
    Metric,
    ScoreRow,
    mean_with_interval,
    rows_of_pieces,
)
from mt3synth.reporting.tables import Table, with_interval
from mt3synth.types import Float, FloatND

_FLOOR = 1e-5  # of magnitude, below which logarithms do not go: silence would else decide the mean
# Renderings ring on for longer or shorter than a real room does, but not by a fifth of a piece.
_SHORTEST = 0.8


@dataclass(frozen=True)
class Resolution:
    """Describes a short-time Fourier transform: samples of transform, hop and Hann window."""

    fft: int
    hop: int
    window: int


RESOLUTIONS = (Resolution(512, 50, 240), Resolution(1024, 120, 600), Resolution(2048, 240, 1200))
"""Those of Yamamoto et al., "Parallel WaveGAN", ICASSP 2020, arXiv 1910.11480, section 3.2."""

_CHROMA_BIN_HZ = 4.0  # at most, against semitones of 6 Hz at 100 Hz
_CHROMA_SECONDS = 0.05
_CHROMA_HZ = (100.0, 5000.0)  # below, a bin is wider than a semitone


@dataclass(frozen=True)
class Distances:
    """Holds distances of audio from a recording of the same notes.

    Attributes:
      log_mel_l1: see `mt3synth.audio.log_mel_distance.log_mel_l1`.
      stft: see `multi_resolution_stft`.
      chroma: see `chroma_similarity`.
      seconds: how much was compared.
    """

    log_mel_l1: float
    stft: float
    chroma: float
    seconds: float


def distances(audio: FloatND, real: FloatND, spec: MelSpec) -> Distances:
    """Measures all three distances over what both have: one may ring on for longer than the other.

    Raises:
      ValueError: the shorter is less than 0.8 of the longer, so that they are hardly one piece; or
        ``real`` is silent.
    """
    shorter, longer = sorted((len(audio), len(real)))
    if shorter < _SHORTEST * longer:
        lengths = [f"{len(x) / spec.sample_rate:.1f} s" for x in (audio, real)]
        raise ValueError(f"lasts {lengths[0]} and the real recording {lengths[1]}; not one piece?")
    audio, real = audio[:shorter], real[:shorter]
    return Distances(
        log_mel_l1=log_mel_l1(log_mel(audio, spec), log_mel(real, spec)),
        stft=multi_resolution_stft(audio, real),
        chroma=chroma_similarity(audio, real, spec.sample_rate),
        seconds=shorter / spec.sample_rate,
    )


def multi_resolution_stft(
    audio: Float[np.ndarray, " S"],
    real: Float[np.ndarray, " S"],
    resolutions: tuple[Resolution, ...] = RESOLUTIONS,
) -> float:
    """Adds spectral convergence and mean difference of log magnitudes, averaged over resolutions.

    Equations 4 to 6 of Yamamoto et al. 2020: ``||R - A||_F / ||R||_F + mean |log R - log A|`` with
    the magnitudes R of ``real`` and A of ``audio``; logarithms do not go below 1e-5.

    Raises:
      ValueError: ``real`` is silent, so that there is nothing to divide by.
    """
    values = []
    for resolution in resolutions:
        difference = total = logs = 0.0
        count = 0
        for ours, theirs in zip(_magnitudes(audio, resolution), _magnitudes(real, resolution)):
            difference += float(np.sum(np.square(theirs - ours), dtype=np.float64))
            total += float(np.sum(np.square(theirs), dtype=np.float64))
            ratio = np.log(np.maximum(theirs, _FLOOR)) - np.log(np.maximum(ours, _FLOOR))
            logs += float(np.sum(np.abs(ratio), dtype=np.float64))
            count += ours.size
        if not total:
            raise ValueError("the real recording is silent, and nothing can be compared with it")
        values.append(np.sqrt(difference / total) + logs / count)
    return float(np.mean(values))


def chroma_similarity(
    audio: Float[np.ndarray, " S"], real: Float[np.ndarray, " S"], sample_rate: int
) -> float:
    """Averages the cosine of two recordings' chroma vectors over frames where ``real`` sounds.

    A chroma vector holds the energy of each of the twelve pitch classes (Müller, "Fundamentals of
    Music Processing", 2015, section 3.1.2): the harmony, whatever the timbre. 1 is the same.

    Raises:
      ValueError: ``real`` is silent.
    """
    ours, theirs = (chroma(x, sample_rate) for x in (audio, real))
    size = np.linalg.norm(theirs, axis=1)
    loud = size**2 > 0
    loud &= size >= size.max(initial=0.0) * 10 ** (-WITHIN_DB / 10)  # energies: 10 dB a power of 10
    if not loud.any():
        raise ValueError("the real recording is silent, and nothing can be compared with it")
    product = np.linalg.norm(ours[loud], axis=1) * size[loud]
    dots = np.sum(ours[loud] * theirs[loud], axis=1)
    cosine = np.divide(dots, product, out=np.zeros_like(dots), where=product > 0)
    return float(np.mean(cosine))


def chroma(audio: Float[np.ndarray, " S"], sample_rate: int) -> Float[np.ndarray, "T 12"]:
    """Sums the energy of each pitch class, C first, every 50 ms; between 100 and 5000 Hz."""
    hop = round(_CHROMA_SECONDS * sample_rate)
    fft = 1 << int(np.ceil(np.log2(sample_rate / _CHROMA_BIN_HZ)))
    hertz = np.fft.rfftfreq(fft, 1 / sample_rate)
    used = (hertz >= _CHROMA_HZ[0]) & (hertz <= _CHROMA_HZ[1])
    keys = np.round(69 + 12 * np.log2(hertz[used] / 440)).astype(int)
    fold = np.zeros((len(keys), 12), np.float32)
    fold[np.arange(len(keys)), keys % 12] = 1
    transform = Resolution(fft, hop, fft)
    blocks = [np.square(block[:, used]) @ fold for block in _magnitudes(audio, transform)]
    return np.concatenate(blocks).astype(np.float32)


def _magnitudes(audio: np.ndarray, transform: Resolution) -> Iterator[np.ndarray]:
    """Gives magnitudes ``[frames, fft / 2 + 1]`` in blocks; the end is filled up with zeros."""
    count = max(1, -(-len(audio) // transform.hop))
    window = hann_window(transform.window)
    return magnitude_blocks(audio, 0, count, window, transform.hop, transform.fft)


NAME = "audio_distance"
NUMBERS = {
    "log_mel_l1": "log-mel L1, nats",
    "stft": "multi-resolution STFT",
    "chroma": "chroma cosine",
}
"""Of `Distances`, with what tables call them."""


def measure(piece: HeardPiece, kind: str, evaluators: Evaluators) -> Distances | None:
    """Measures a piece's distance from its real recording.

    Raises:
      ValueError: see `distances`.
    """
    # The real audio is at no distance from itself, which is nothing to report.
    if kind == "real" or "real" not in piece.audio:
        return None
    return distances(piece.audio[kind], piece.audio["real"], evaluators.mel)


def aggregate(found: Measurements, evaluators: Evaluators) -> Figures:
    """Averages each distance over pieces."""
    return {
        kind: {"pieces": len(values)}
        | {
            name: mean_with_interval([getattr(v, name) for v in values], evaluators.seed)
            for name in NUMBERS
        }
        for kind, values in found.by_kind(NAME).items()
    }


def tables(figures: Figures, report: Figures) -> list[Table]:
    """Shows the three distances of each kind beside each other."""
    rows = tuple(
        (
            LABELS[kind],
            *(with_interval(part[name]["value"], part[name]["interval"]) for name in NUMBERS),
            f"{part['pieces']}",
        )
        for kind, part in figures.items()
    )
    note = (
        "Distances: lower is closer; the cosine is 1 where the harmony is the same. At real level:"
        " what was generated, scaled as a whole to the real recording's loudness."
    )
    columns = ("", *NUMBERS.values(), "pieces")
    return [Table("Beside the real recording of the same notes", columns, rows, note)]


def score_rows(figures: Figures) -> Iterable[ScoreRow]:
    """Gives each distance of each kind."""
    for kind, part in figures.items():
        for name in NUMBERS:
            yield name, kind, part[name]["value"], *part[name]["interval"]


def _numbers(value: Distances, figures: Figures) -> dict[str, float]:
    return {name: getattr(value, name) for name in NUMBERS}


AUDIO_DISTANCE = Metric(
    NAME,
    aggregate,
    tables,
    score_rows,
    measure,
    piece_rows=rows_of_pieces(NAME, _numbers),
    hears_level=True,
)
