"""A report's figures on a bundle as tables, and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mt3synth.reporting.tables import Table, with_interval

_SOUNDS = ("ours", "vocoded", "real")


def markdown(report: dict[str, Any]) -> str:
    """The whole report; parts that were not measured are left out."""
    lines = [
        "# Report on a bundle",
        "",
        f"    {report['command']}",
        "",
        f"Bundle `{report['bundle']}`, {report['steps']} steps, seed {report['seed']}, excerpts of "
        f"{report['seconds']:g} s. Square brackets hold 95 % bootstrap intervals over excerpts "
        "(for recognition, over recordings).",
        "",
    ]
    if "speed" in report:
        speed = report["speed"]
        lines += [
            f"Frames of {speed['excerpt_seconds']:g} s take {speed['median_wall_seconds']:.1f} s "
            f"of wall time (median; vocoder not included): {speed['seconds_per_second']:.2f} s "
            "for each second of music.",
            "",
        ]
    for made in tables_of_parts(report):
        lines += [f"## {made.heading}", "", *table(made.columns, made.rows)]
        lines += [made.note, ""] if made.note else []
    return "\n".join(lines).rstrip() + "\n"


def tables_of_parts(report: dict[str, Any]) -> list[Table]:
    """A table or two for each part that was measured."""
    makers = {
        "transcription": _transcription,
        "recognition": _recognition,
        "levels": _levels,
        "song": _song,
    }
    vocoder = report.get("vocoder", "Griffin-Lim")
    return [
        made
        for name, make in makers.items()
        if name in report
        for made in make(report[name], vocoder)
    ]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table and an empty line."""
    rule = ["---"] * len(header)
    return [f"| {' | '.join(row)} |" for row in (header, rule, *rows)] + [""]


def _transcription(part: dict[str, Any], vocoder: str) -> list[Table]:
    labels = (
        f"our rendering, {vocoder}",
        f"real rendering's mel, same {vocoder}",
        "real rendering",
    )
    rows = tuple(
        (
            label,
            with_interval(part[kind]["f1"], part[kind]["interval"]),
            f"{part[kind]['precision']:.3f}",
            f"{part[kind]['recall']:.3f}",
            f"{part[kind]['matched']} of {part[kind]['reference']}",
        )
        for kind, label in zip(_SOUNDS, labels)
    )
    ratio = part["ours_over_vocoded"]
    return [
        Table(
            f"Note-onset F1, {part['excerpts']} excerpts, performance {part['performance']}",
            ("audio", "F1", "precision", "recall", "notes found"),
            rows,
            f"Ours is {with_interval(ratio['ratio'], ratio['interval'])} of the real rendering "
            f"through the same {vocoder}.",
        )
    ]


def _recognition(part: dict[str, Any], vocoder: str) -> list[Table]:
    labels = {
        "ours": "our rendering",
        "real": "real rendering of the same notes",
        "real_recordings": "real test recordings",
    }
    rows = tuple(
        (
            label,
            with_interval(part[kind]["accuracy"], part[kind]["interval"]),
            f"{part[kind]['correct']} of {part[kind]['total']}",
        )
        for kind, label in labels.items()
    )
    names = part["performances"]
    confusion = tuple(
        (name, *(str(n) if n else "" for n in row))
        for name, row in zip(names, part["ours"]["confusion"])
    )
    return [
        Table(
            f"Recognised performance, chance {part['chance']:.3f}",
            ("mel frames", "accuracy", "correct"),
            rows,
            f"Classifier of mel statistics trained on {part['trained_on']} real recordings; "
            f"{len(part['excerpts'])} excerpts rendered in each of {len(names)} performances.",
        ),
        Table(
            "Our renderings by target (row) and recognised performance (column)",
            ("", *names),
            confusion,
        ),
    ]


def _levels(part: dict[str, Any], vocoder: str) -> list[Table]:
    rows = [
        (row["name"], f"{row['ours_db']:.1f}", f"{row['real_db']:.1f}")
        for row in part["by_excerpt"]
    ]
    rows.append(("mean", f"{part['ours_db']:.1f}", f"{part['real_db']:.1f}"))
    soft, loud = part["velocities"]
    return [
        Table(
            f"Level from velocity {soft} to {loud}, performance {part['performance']}",
            ("excerpt", "ours, dB", "real, dB"),
            tuple(rows),
            f"Ours is {part['ratio']:.2f} of the real difference.",
        )
    ]


def _song(part: dict[str, Any], vocoder: str) -> list[Table]:
    rows = tuple(
        (
            row["performance"],
            row["picture"],
            f"{row['model_seconds']:.1f} s",
            f"{row['vocoder_seconds']:.1f} s",
            f"{row['seconds_per_second']:.2f}",
        )
        for row in part["renderings"]
    )
    columns = ("performance", "picture", "frames", "vocoder", "s per s of music")
    return [Table(f"{part['title']}, {part['seconds']:g} s", columns, rows)]
