"""Writes the figures of an evaluation as CSV files, for a spreadsheet or another program."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mt3synth.evaluation.evaluation_set import KINDS
from mt3synth.evaluation.metrics import fad
from mt3synth.evaluation.metrics.registry import METRICS
from mt3synth.reporting.tables import as_csv

PIECE_COLUMNS = ("piece", "kind", "performance", "score", "value")

_SCORE_COLUMNS = ("score", "kind", "value", "low", "high")
_NEAREST_COLUMNS = ("item", "performance", "nearest", "rank", "group_fad")


def files(report: dict[str, Any]) -> dict[str, str]:
    """Makes the text of each file, by name."""
    scores = [row for m in METRICS if m.name in report for row in m.rows(report[m.name])]
    nearest = [
        (level, kind, *(item[column] for column in _NEAREST_COLUMNS))
        for level in fad.LEVELS
        for kind in KINDS
        for item in report.get(fad.NAME, {}).get(level, {}).get(kind, {}).get("items", ())
    ]
    problems = [(problem["item"], problem["reason"]) for problem in report["problems"]]
    pieces = [[row[column] for column in PIECE_COLUMNS] for row in report["items"]]
    return {
        "scores.csv": _csv(_SCORE_COLUMNS, scores),
        "pieces.csv": _csv(PIECE_COLUMNS, pieces),
        "confusion.csv": _csv(("level", "kind", *_NEAREST_COLUMNS), nearest),
        "problems.csv": _csv(("item", "reason"), problems),
    }


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    # A figure that is not a number leaves its cell empty, as spreadsheets read it.
    return as_csv(columns, (["" if value != value else value for value in row] for row in rows))
