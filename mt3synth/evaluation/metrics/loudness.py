"""Measures how loud audio is to the ear, and brings one sound to the loudness of another.

Integrated loudness in LUFS: the mean power of 400 ms blocks after a filter like the ear's, without
blocks of silence (Recommendation ITU-R BS.1770-4; pyloudnorm computes it). Level is no part of how
real a sound is, but most distances hear it: so it is a figure of its own, and distances are taken
at the real recording's loudness as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from mt3synth.audio.level import LOUDNESS_BLOCK_S, measure_loudness
from mt3synth.evaluation.evaluation_set import LABELS, Recording, hear
from mt3synth.evaluation.metrics.metric import (
    RECORDING,
    Evaluators,
    Figures,
    HeardPiece,
    Measured,
    Measurements,
    Metric,
    ScoreRow,
    mean_with_interval,
    rows_of_pieces,
)
from mt3synth.reporting.tables import Table, with_interval
from mt3synth.types import Float, FloatND

NAME = "loudness"


def integrated_loudness(audio: Float[FloatND, " S"], sample_rate: int) -> float | None:
    """Measures the loudness in LUFS; None of audio below 0.4 s, or with nothing above -70 LUFS."""
    if len(audio) < LOUDNESS_BLOCK_S * sample_rate:
        return None
    lufs = measure_loudness(audio.astype(np.float64), sample_rate)
    return lufs if np.isfinite(lufs) else None


def at_loudness(
    audio: Float[FloatND, " S"], sample_rate: int, lufs: float
) -> Float[FloatND, " S"] | None:
    """Scales audio as a whole to a loudness, beyond full scale if need be; None if it has none."""
    own = integrated_loudness(audio, sample_rate)
    return None if own is None else audio * np.float32(10 ** ((lufs - own) / 20))


def real_loudness(
    audio: Float[FloatND, " S"] | None, sample_rate: int, recordings: Sequence[Measured]
) -> float | None:
    """Says how loud the real thing is: a piece's counterpart, or else its performance's recordings.

    Args:
      audio: the real recording of the same notes, if there is one.
      sample_rate: of ``audio``.
      recordings: of the performance, measured by this metric.
    """
    if audio is not None:
        return integrated_loudness(audio, sample_rate)
    heard = _of_recordings(recordings)
    return float(np.mean(heard)) if heard else None


def measure(piece: HeardPiece, kind: str, evaluators: Evaluators) -> float | None:
    """Measures a piece; None where it has no loudness."""
    return integrated_loudness(piece.audio[kind], evaluators.mel.sample_rate)


def measure_recording(recording: Recording, evaluators: Evaluators) -> float | None:
    """Measures a recording by which its performance is known."""
    rate = evaluators.mel.sample_rate
    return integrated_loudness(hear(recording.sound, rate), rate)


def aggregate(found: Measurements, evaluators: Evaluators) -> Figures:
    """Averages loudness over pieces and over recordings, and differences over pairs of pieces."""
    figures: Figures = {}
    pairs = [p.values[NAME] for p in found.pieces if NAME in p.values]
    for kind, values in found.by_kind(NAME).items():
        part = {"pieces": len(values), **mean_with_interval(values, evaluators.seed)}
        differences = [p[kind] - p["real"] for p in pairs if kind in p and "real" in p]
        if differences and kind != "real":
            part["less_real"] = mean_with_interval(differences, evaluators.seed)
        figures[kind] = part
    heard = _of_recordings(found.recordings)
    if figures and heard:
        figures[RECORDING] = {"pieces": len(heard), **mean_with_interval(heard, evaluators.seed)}
    return figures


def tables(figures: Figures, report: Figures) -> list[Table]:
    """Shows the loudness of each kind, and how far it is from the real recording's."""
    rows = []
    for kind, part in figures.items():
        less = part.get("less_real", {"value": None, "interval": None})
        rows.append(
            (
                "recordings" if kind == RECORDING else LABELS[kind],
                with_interval(part["value"], part["interval"], 1),
                with_interval(less["value"], less["interval"], 1),
                f"{part['pieces']}",
            )
        )
    note = "Integrated loudness (ITU-R BS.1770-4). Files say by which gain they were turned down."
    columns = ("", "LUFS", "less the real one's, dB", "number")
    return [Table("Loudness", columns, tuple(rows), note)]


def score_rows(figures: Figures) -> Iterable[ScoreRow]:
    """Gives the loudness of each kind, and its difference from the real recording's."""
    for kind, part in figures.items():
        yield "loudness_lufs", kind, part["value"], *part["interval"]
        if "less_real" in part:
            less = part["less_real"]
            yield "loudness_less_real_db", kind, less["value"], *less["interval"]


def _of_recordings(recordings: Sequence[Measured]) -> list[float]:
    """Lists the loudness of those recordings that have one."""
    known = [r.values[NAME][RECORDING] for r in recordings if NAME in r.values]
    return [lufs for lufs in known if lufs is not None]


LOUDNESS = Metric(
    NAME,
    aggregate,
    tables,
    score_rows,
    measure,
    measure_recording,
    rows_of_pieces(NAME, lambda value, figures: {"loudness, LUFS": value}),
)
