"""Measures how much faster than it lasts music is made: audio for each second of wall time.

Over all pieces together, as they would be rendered one after the other; and the median piece, which
leaves out the one for which programs had to be compiled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from mt3synth.evaluation.metrics.metric import Evaluators, Figures, Measurements, Metric, ScoreRow
from mt3synth.reporting.tables import Table

NAME = "speed"


def aggregate(found: Measurements, evaluators: Evaluators) -> Figures:
    """Sums up the renderings whose time is known, and the vocoder's."""
    pieces = [p for p in found.pieces if p.takes(NAME)]
    times = {
        "rendering": [(p.seconds.get("generated"), p.wall_seconds) for p in pieces],
        "vocoder": [(p.seconds.get("vocoded"), p.vocoder_seconds) for p in pieces],
    }
    known = {name: [pair for pair in pairs if None not in pair] for name, pairs in times.items()}
    return {name: _rate(pairs) for name, pairs in known.items() if pairs}


def tables(figures: Figures, report: Figures) -> list[Table]:
    """Shows audio, wall time and their ratio."""
    rows = []
    for name, of in figures.items():
        rates = f"{of['times_real_time']:.1f}", f"{of['median_times_real_time']:.1f}"
        rows.append((name, *rates, f"{of['audio_seconds']:.0f} s", f"{of['wall_seconds']:.1f} s"))
    columns = ("", "times real time", "median piece", "audio", "wall time")
    return [Table("Speed", columns, tuple(rows))]


def score_rows(figures: Figures) -> Iterable[ScoreRow]:
    """Gives the rate of rendering and vocoder."""
    for name, part in figures.items():
        yield "times_real_time", name, part["times_real_time"], "", ""


def _rate(times: Sequence[tuple[float | None, float | None]]) -> Figures:
    audio, wall = np.array(times, float).T
    # A clock may be too coarse for what is fast.
    rates = np.divide(audio, wall, out=np.full(len(wall), np.nan), where=wall > 0)
    total = float(wall.sum())
    return {
        "times_real_time": float(audio.sum()) / total if total else float("nan"),
        "median_times_real_time": float(np.median(rates)),
        "audio_seconds": float(audio.sum()),
        "wall_seconds": total,
        "pieces": len(times),
    }


SPEED = Metric(NAME, aggregate, tables, score_rows)
