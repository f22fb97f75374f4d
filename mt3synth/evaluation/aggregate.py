"""Sums up what was measured, metric by metric."""

from __future__ import annotations

from collections.abc import Sequence

from mt3synth.evaluation.evaluation_set import KINDS, Problem
from mt3synth.evaluation.metrics.metric import (
    Evaluators,
    Figures,
    Measurements,
    Metric,
    PieceRow,
)


def aggregate(
    found: Measurements, metrics: Sequence[Metric], evaluators: Evaluators
) -> tuple[Figures, list[PieceRow]]:
    """Sums up every metric; one that fails is noted among the problems of ``found``.

    Returns:
      The figures by the metrics' names, of those of which there is anything to say; and the rows
      of single pieces.
    """
    figures: Figures = {}
    rows: list[PieceRow] = [
        (piece.name, kind, piece.performance, "seconds", piece.seconds[kind])
        for piece in found.pieces
        for kind in KINDS
        if kind in piece.seconds
    ]
    for metric in metrics:
        try:
            made = metric.aggregate(found, evaluators)
        except ValueError as error:  # UserError among them
            found.problems.append(Problem(metric.name, " ".join(str(error).split())))
            continue
        if made:
            figures[metric.name] = made
            rows += metric.piece_rows(found, made) if metric.piece_rows else ()
    return figures, rows
