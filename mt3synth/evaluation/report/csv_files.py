"""The figures of an evaluation as CSV files, for a spreadsheet or another program."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from mt3synth.evaluation.aggregate import PAIR_SCORES, of_counts
from mt3synth.evaluation.evaluation_set import KINDS
from mt3synth.evaluation.measure import Findings

_SCORES = ("score", "kind", "value", "low", "high")
_PIECES = ("piece", "kind", "performance", "score", "value")


def files(report: dict[str, Any]) -> dict[str, str]:
    """The text of each file, by name."""
    confusion = []
    for level in ("by_performance", "by_piece"):
        part = report["closeness"].get(level, {})
        for kind in KINDS:
            for item in part.get(kind, {}).get("items", ()):
                row = [item[key] for key in ("item", "performance", "nearest", "rank", "group_fad")]
                confusion.append((level, kind, *row))
    columns = ("level", "kind", "item", "performance", "nearest", "rank", "group_fad")
    return {
        "scores.csv": _csv(_SCORES, _score_rows(report)),
        "pieces.csv": _csv(_PIECES, ([row[key] for key in _PIECES] for row in report["items"])),
        "confusion.csv": _csv(columns, confusion),
        "problems.csv": _csv(
            ("item", "reason"), ((p["item"], p["reason"]) for p in report["problems"])
        ),
    }


def piece_rows(found: Findings, closeness: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each score of each piece in each kind."""
    rows = []

    def add(name: str, kind: str, performance: str, score: str, value: float | int) -> None:
        rows.append(dict(zip(_PIECES, (name, kind, performance, score, value))))

    for piece in found.pieces:
        for kind in KINDS:
            at = (piece.name, kind, piece.performance)
            if kind in piece.seconds:
                add(*at, "seconds", piece.seconds[kind])
            for score, counts in piece.counts.get(kind, {}).items():
                if score not in found.heard.void:
                    for key, value in of_counts(counts).items():
                        add(*at, f"{score}: {key}", value)
            if kind in piece.pairs:
                for score in PAIR_SCORES:
                    add(*at, score, float(getattr(piece.pairs[kind], score)))
            if kind in piece.changes:
                for measure in ("flux", "jump"):
                    places = getattr(piece.changes[kind], measure)
                    for where, values in zip(("joins", "random places"), places):
                        add(*at, f"{measure} at {where}", float(values.mean()))
    for kind in KINDS:
        for item in closeness.get("by_piece", {}).get(kind, {}).get("items", ()):
            add(item["item"], kind, item["performance"], "group_fad", item["group_fad"])
    return rows


def _score_rows(report: dict[str, Any]) -> Iterable[Sequence[Any]]:
    close = report["closeness"]
    for kind in KINDS:
        if kind in close.get("all_fad", {}):
            part = close["all_fad"][kind]
            yield ("all_fad", kind, part["value"], *(part["interval"] or ("", "")))
            if part["infinity"]:
                yield ("all_fad_infinity", kind, part["infinity"]["value"], "", "")
        for level in ("by_performance", "by_piece"):
            if kind in close.get(level, {}):
                part = close[level][kind]
                yield (f"group_fad {level}", kind, part["group_fad"], *part["group_fad_interval"])
                for k, value in part["accuracy"].items():
                    interval = part["accuracy_intervals"][k]
                    yield (f"top_{k} {level}", kind, value, *interval)
                    yield (f"top_{k} chance {level}", kind, part["chance"][k], "", "")
        for score, part in report.get("notes", {}).get("scores", {}).items():
            if kind in part:
                yield (f"{score} f1", kind, part[kind]["f1"], *part[kind]["interval"])
        for score in PAIR_SCORES:
            if kind in report.get("pairs", {}):
                part = report["pairs"][kind][score]
                yield (score, kind, part["value"], *part["interval"])
        if kind in report.get("levels", {}):
            part = report["levels"][kind]
            yield ("level_db_per_velocity_step", kind, part["db_per_step"], *part["interval"])
        if kind in report.get("joins", {}):
            for measure in ("flux", "jump"):
                part = report["joins"][kind][measure]
                yield (f"join_{measure}_exceedance", kind, part["exceedance"], *part["interval"])
    for name, part in report.get("speed", {}).items():
        yield ("times_real_time", name, part["times_real_time"], "", "")


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([["" if value != value else value for value in row] for row in rows])
    return file.getvalue()
