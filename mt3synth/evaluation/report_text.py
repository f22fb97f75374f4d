"""A report's figures as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_LABELS = {
    "ours": "our rendering, Griffin-Lim",
    "vocoded": "real rendering's mel, same Griffin-Lim",
    "real": "real rendering",
}


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
    for name, write in _PARTS.items():
        if name in report:
            lines += write(report[name])
    return "\n".join(lines).rstrip() + "\n"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table and an empty line."""
    rule = ["---"] * len(header)
    return [f"| {' | '.join(row)} |" for row in (header, rule, *rows)] + [""]


def _transcription(part: dict[str, Any]) -> list[str]:
    rows = [
        [
            label,
            _with_interval(part[kind]["f1"], part[kind]["interval"]),
            f"{part[kind]['precision']:.3f}",
            f"{part[kind]['recall']:.3f}",
            f"{part[kind]['matched']} of {part[kind]['reference']}",
        ]
        for kind, label in _LABELS.items()
    ]
    ratio = part["ours_over_vocoded"]
    return [
        f"## Note-onset F1, {part['excerpts']} excerpts, performance {part['performance']}",
        "",
        *table(["audio", "F1", "precision", "recall", "notes found"], rows),
        f"Ours is {_with_interval(ratio['ratio'], ratio['interval'])} of the real rendering "
        "through the same Griffin-Lim.",
        "",
    ]


def _recognition(part: dict[str, Any]) -> list[str]:
    labels = {
        "ours": "our rendering",
        "real": "real rendering of the same notes",
        "real_recordings": "real test recordings",
    }
    rows = [
        [
            label,
            _with_interval(part[kind]["accuracy"], part[kind]["interval"]),
            f"{part[kind]['correct']} of {part[kind]['total']}",
        ]
        for kind, label in labels.items()
    ]
    names = part["performances"]
    confusion = [
        [name, *(str(n) if n else "" for n in row)]
        for name, row in zip(names, part["ours"]["confusion"])
    ]
    return [
        f"## Recognised performance, chance {part['chance']:.3f}",
        "",
        f"Classifier trained on {part['trained_on']} real recordings; {len(part['excerpts'])} "
        f"excerpts rendered in each of {len(names)} performances.",
        "",
        *table(["mel frames", "accuracy", "correct"], rows),
        "Our renderings by target (row) and recognised performance (column):",
        "",
        *table(["", *names], confusion),
    ]


def _levels(part: dict[str, Any]) -> list[str]:
    rows = [
        [row["name"], f"{row['ours_db']:.1f}", f"{row['real_db']:.1f}"]
        for row in part["by_excerpt"]
    ]
    rows.append(["mean", f"{part['ours_db']:.1f}", f"{part['real_db']:.1f}"])
    soft, loud = part["velocities"]
    return [
        f"## Level from velocity {soft} to {loud}, performance {part['performance']}",
        "",
        *table(["excerpt", "ours, dB", "real, dB"], rows),
        f"Ours is {part['ratio']:.2f} of the real difference.",
        "",
    ]


def _song(part: dict[str, Any]) -> list[str]:
    rows = [
        [
            row["performance"],
            row["picture"],
            f"{row['model_seconds']:.1f} s",
            f"{row['vocoder_seconds']:.1f} s",
            f"{row['seconds_per_second']:.2f}",
        ]
        for row in part["renderings"]
    ]
    return [
        f"## {part['title']}, {part['seconds']:g} s",
        "",
        *table(["performance", "picture", "frames", "vocoder", "s per s of music"], rows),
    ]


_PARTS = {
    "transcription": _transcription,
    "recognition": _recognition,
    "levels": _levels,
    "song": _song,
}


def _with_interval(value: float, interval: Sequence[float]) -> str:
    return f"{value:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"
