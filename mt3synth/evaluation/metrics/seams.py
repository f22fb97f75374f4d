"""Measures whether seams, where segments of a rendering meet, can be told from other times in it.

Two measures of how much sound changes from one frame to the next: spectral flux, the sum of what
rises in the magnitude spectrum (Dixon, "Onset Detection Revisited", DAFx 2006, equation 3), of the
audio at unit root mean square; and the log-mel jump, the mean absolute change of the mel bins in
nats. Music changes everywhere: each is taken at the seams and at random times of the same audio.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mt3synth.audio.mel import MelSpec, log_mel
from mt3synth.evaluation.evaluation_set import LABELS, Seams
from mt3synth.evaluation.metrics.bootstrap import bootstrap_interval
from mt3synth.evaluation.metrics.metric import (
    Evaluators,
    Figures,
    HeardPiece,
    Measurements,
    Metric,
    ScoreRow,
    mean,
    rows_of_pieces,
)
from mt3synth.reporting.tables import Table, number, with_interval
from mt3synth.types import Float, FloatND

NAME = "seams"
MEASURES = ("flux", "jump")
"""Of `Changes`."""
RANDOM_TIMES = 8
"""Random times for each seam: enough that their luck adds little to that of the few seams."""

# 60 dB, below which nothing is heard beside the loudest sound of the same recording.
_NATS_BELOW_PEAK = 60 * np.log(10) / 20


@dataclass(frozen=True, eq=False)
class Changes:
    """Holds the largest change near each time.

    Attributes:
      flux: spectral flux at the seams, and at the random times.
      jump: log-mel jump, likewise.
    """

    flux: tuple[Float[np.ndarray, " seams"], Float[np.ndarray, " times"]]
    jump: tuple[Float[np.ndarray, " seams"], Float[np.ndarray, " times"]]


def changes(audio: FloatND, spec: MelSpec, seams: Seams, seed: int) -> Changes | None:
    """Measures changes at the seams and at random times; None for audio without a seam.

    Args:
      audio: ``[S]`` at the sample rate of ``spec``.
      spec: of the mel frames.
      seams: where segments meet.
      seed: of the random times, `RANDOM_TIMES` for each seam.
    """
    seconds = len(audio) / spec.sample_rate
    at_seams = seams.times(seconds)
    elsewhere = random_times(seams, seconds, RANDOM_TIMES * len(at_seams), seed)
    if not len(at_seams) or not len(elsewhere):
        return None
    mel = np.asarray(log_mel(audio, spec), np.float64)
    # Without a floor the step from digital silence to faint noise would be the largest of all.
    mel = np.maximum(mel, mel.max() - _NATS_BELOW_PEAK)
    jump = np.mean(np.abs(np.diff(mel, axis=0)), axis=1)
    flux = spectral_flux(audio, spec)
    flux_near, jump_near = (
        (_near(change, at_seams, seams, spec), _near(change, elsewhere, seams, spec))
        for change in (flux, jump)
    )
    return Changes(flux_near, jump_near)


def random_times(
    seams: Seams, seconds: float, count: int, seed: int
) -> Float[np.ndarray, " times"]:
    """Draws times evenly from where no seam is heard; none if there is no such time."""
    times, reach = seams.times(seconds), seams.reach
    # As long as a seam's neighbourhood, and neither at the seams nor at the audio's two ends.
    step = reach / 4
    grid = np.arange(reach, seconds - reach - step, step)
    if len(times) and len(grid):
        # Only the nearest seam of each time is looked at: an hour has too many pairs to hold.
        ends = np.concatenate([[-np.inf], (times[1:] + times[:-1]) / 2])
        nearest = times[np.searchsorted(ends, grid) - 1]
        grid = grid[np.abs(grid - nearest) >= 2 * reach]
    if not len(grid):
        return np.zeros(0)
    rng = np.random.default_rng(seed)
    return rng.choice(grid, count) + rng.uniform(0, step, count)


def spectral_flux(audio: FloatND, spec: MelSpec) -> Float[np.ndarray, " changes"]:
    """Sums what rises in the magnitude spectrum from each frame to the next."""
    # At unit root mean square, or loud audio would have more flux than the same audio softly.
    power = float(np.mean(np.square(audio, dtype=np.float64))) if len(audio) else 0.0
    scale = 1 / np.sqrt(power) if power else 0.0
    window = np.hanning(spec.window)
    flux, last = [], None
    for start in range(0, len(audio), spec.hop):
        frame = audio[start : start + spec.window]
        magnitude = np.abs(np.fft.rfft(frame * window[: len(frame)], n=spec.fft)) * scale
        if last is not None:
            flux.append(float(np.sum(np.maximum(magnitude - last, 0))))
        last = magnitude
    return np.array(flux)


def exceedance(at_seams: FloatND, elsewhere: FloatND) -> float:
    """Estimates how probably a seam changes more than a random time; 0.5 cannot be told apart.

    The Mann-Whitney statistic over the product of the two counts, ties counted half.

    Raises:
      ValueError: no seam or no random time.
    """
    if not len(at_seams) or not len(elsewhere):
        raise ValueError(
            f"{len(at_seams)} seams and {len(elsewhere)} random times; must be at least 1 each"
        )
    ordered = np.sort(elsewhere)
    below = np.searchsorted(ordered, at_seams, "left") + np.searchsorted(ordered, at_seams, "right")
    return float(np.mean(below) / (2 * len(elsewhere)))


def measure(piece: HeardPiece, kind: str, evaluators: Evaluators) -> Changes | None:
    """Measures changes at a piece's seams; in real audio at the times where ours has its seams."""
    if piece.seams is None:
        return None
    return changes(piece.audio[kind], evaluators.mel, piece.seams, evaluators.seed)


def aggregate(found: Measurements, evaluators: Evaluators) -> Figures:
    """Compares seams with random times, seams of all pieces pooled."""
    figures: Figures = {}
    for kind, values in found.by_kind(NAME).items():
        figures[kind] = {"pieces": len(values), "seams": sum(len(v.flux[0]) for v in values)}
        for name in MEASURES:
            pairs = [getattr(value, name) for value in values]
            figures[kind][name] = {
                "at_seams": mean(np.concatenate([at_seams for at_seams, _ in pairs])),
                "at_random": mean(np.concatenate([elsewhere for _, elsewhere in pairs])),
                "exceedance": _pooled_exceedance(pairs),
                "interval": bootstrap_interval(pairs, _pooled_exceedance, evaluators.seed),
            }
    return figures


def tables(figures: Figures, report: Figures) -> list[Table]:
    """Shows for each kind how seams compare with the rest."""
    rows = []
    for kind, part in figures.items():
        cells = []
        for name in MEASURES:
            of = part[name]
            # No ratio where nothing at all changes elsewhere.
            ratio = of["at_seams"] / of["at_random"] if of["at_random"] else None
            cells += [number(ratio), with_interval(of["exceedance"], of["interval"])]
        rows.append((LABELS[kind], *cells, f"{part['seams']}"))
    columns = (
        *("", "flux, seams / elsewhere", "P(seam above elsewhere)"),
        *("log-mel jump, seams / elsewhere", "P(seam above elsewhere)", "seams"),
    )
    note = (
        "Change of sound where segments meet, and at random times of the same audio. A probability"
        " of 0.5 means that seams cannot be told from other times."
    )
    return [Table("Seams", columns, tuple(rows), note)]


def score_rows(figures: Figures) -> Iterable[ScoreRow]:
    """Gives both exceedances of each kind."""
    for kind, part in figures.items():
        for name in MEASURES:
            yield f"seam_{name}_exceedance", kind, part[name]["exceedance"], *part[name]["interval"]


def _numbers(value: Changes, figures: Figures) -> dict[str, float]:
    return {
        f"{name} at {where}": mean(values)
        for name in MEASURES
        for where, values in zip(("seams", "random times"), getattr(value, name))
    }


def _pooled_exceedance(pairs: Sequence[tuple[FloatND, FloatND]]) -> float:
    # Each seam is set against times of its own piece: loud pieces change more everywhere.
    weights = [len(at_seams) for at_seams, _ in pairs]
    return float(np.average([exceedance(*pair) for pair in pairs], weights=weights))


def _near(
    values: np.ndarray, times: np.ndarray, seams: Seams, spec: MelSpec
) -> Float[np.ndarray, " times"]:
    """Takes the largest change between frames within a seam's reach of each time."""
    # Change i is between frames i and i + 1, whose windows' middle is at (i + 0.5) hops and a half.
    middle = (np.arange(len(values)) + 0.5) * spec.hop + spec.window / 2
    at = middle / spec.sample_rate
    first = np.searchsorted(at, times - seams.reach).clip(0, len(values) - 1)
    last = np.searchsorted(at, times + seams.reach).clip(first + 1, len(values))
    return np.array([values[a:b].max() for a, b in zip(first, last)])


SEAMS = Metric(
    NAME, aggregate, tables, score_rows, measure, piece_rows=rows_of_pieces(NAME, _numbers)
)
