"""Shows the figures of an evaluation as tables of text, in the terminal and on its page."""

from __future__ import annotations

from typing import Any

from mt3synth.evaluation.metrics.registry import METRICS
from mt3synth.reporting.tables import Table

NOT_MEASURED = "Not measured"


def tables_of(report: dict[str, Any]) -> list[Table]:
    """Makes the tables of each metric that was measured, and one of what was not."""
    tables: list[Table] = []
    for metric in METRICS:
        if report.get(metric.name):
            tables += metric.tables(report[metric.name], report)
    if report.get("problems"):
        rows = tuple((p["item"], p["reason"]) for p in report["problems"])
        tables.append(Table(NOT_MEASURED, ("item", "reason"), rows))
    return tables
