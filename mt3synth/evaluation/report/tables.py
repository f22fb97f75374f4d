"""The figures of an evaluation as tables of text, for the terminal and for its page."""

from __future__ import annotations

from typing import Any

from mt3synth.evaluation.evaluation_set import KINDS
from mt3synth.reporting.tables import Table, number, with_interval

LABELS = {"generated": "generated", "vocoded": "real, vocoded", "real": "real"}


def tables_of(report: dict[str, Any]) -> list[Table]:
    """A table for each part that was measured."""
    tables: list[Table] = []
    makers = {
        "closeness": _closeness,
        "notes": _notes,
        "pairs": _pairs,
        "levels": _levels,
        "joins": _joins,
        "speed": _speed,
    }
    for name, make in makers.items():
        if report.get(name):
            tables += make(report[name], report)
    if report.get("problems"):
        rows = tuple((p["item"], p["reason"]) for p in report["problems"])
        tables.append(Table("Not measured", ("item", "reason"), rows))
    return tables


def _closeness(part: dict[str, Any], report: dict[str, Any]) -> list[Table]:
    tables = []
    embedding = report["embedding"]["name"]
    if "all_fad" in part:
        of = part["all_fad"]
        shown = [kind for kind in KINDS if kind in of]
        rows = tuple(
            (
                LABELS[kind],
                with_interval(of[kind]["value"], of[kind]["interval"]),
                number(of[kind]["infinity"]["value"] if of[kind]["infinity"] else None),
                f"{of[kind]['count']}",
            )
            for kind in shown
        )
        note = (
            f"Frechet distance of {embedding} embeddings from all {of['recordings']} recordings"
            f" ({of['embeddings']} embeddings); lower is closer. In brackets 95 % intervals over"
            " recordings; they and FAD-infinity leave out what few embeddings add."
        )
        columns = ("All-FAD", "distance", "FAD-infinity", "embeddings")
        tables.append(Table(f"All-FAD, {embedding}", columns, rows, note))
    for name, what in (("by_performance", "whole performances"), ("by_piece", "single pieces")):
        if name in part:
            tables.append(_groups(part[name], what, embedding))
    return tables


def _groups(of: dict[str, Any], what: str, embedding: str) -> Table:
    shown = [kind for kind in KINDS if kind in of]
    chance = {k: value for k, value in of[shown[0]]["chance"].items() if value < 1}
    rows = [
        (
            LABELS[kind],
            with_interval(of[kind]["group_fad"], of[kind]["group_fad_interval"]),
            *(
                with_interval(of[kind]["accuracy"][k], of[kind]["accuracy_intervals"][k])
                for k in chance
            ),
            f"{len(of[kind]['items'])}",
        )
        for kind in shown
    ]
    rows.append(("chance", "", *(number(value) for value in chance.values()), ""))
    note = (
        f"{of['generation_count']} embeddings of each against {of['group_count']} of each of"
        f" {len(of['groups'])} performances. Top k: the performance asked for is among the k"
        " nearest."
    )
    columns = ("", "Group-FAD", *(f"top {k}" for k in chance), "number")
    return Table(f"Group-FAD and version classification of {what}, {embedding}", columns,
                 tuple(rows), note)  # fmt: skip


def _notes(part: dict[str, Any], report: dict[str, Any]) -> list[Table]:
    rows = []
    for score, of_score in part["scores"].items():
        ratio = of_score.get("generated_over_vocoded")
        rows.append(
            (
                score,
                *(
                    with_interval(of_score[kind]["f1"], of_score[kind]["interval"])
                    if kind in of_score
                    else "–"
                    for kind in KINDS
                ),
                "–" if ratio is None else with_interval(ratio["ratio"], ratio["interval"]),
            )
        )
    note = f"Heard by {report['transcriber']} in {part['pieces']} pieces, counts pooled."
    for score, reason in part["left_out"].items():
        note += f" No {score}: {reason}."
    columns = ("F1", *(LABELS[kind] for kind in KINDS), "generated / vocoded")
    return [Table("Notes found again", columns, tuple(rows), note)]


def _pairs(part: dict[str, Any], report: dict[str, Any]) -> list[Table]:
    rows = tuple(
        (
            LABELS[kind],
            *(
                with_interval(part[kind][s]["value"], part[kind][s]["interval"])
                for s in ("log_mel_l1", "stft", "chroma")
            ),
            f"{part[kind]['pieces']}",
        )
        for kind in KINDS
        if kind in part
    )
    columns = ("", "log-mel L1, nats", "multi-resolution STFT", "chroma cosine", "pieces")
    note = "Distances: lower is closer; the cosine is 1 where the harmony is the same."
    return [Table("Beside the real recording of the same notes", columns, rows, note)]


def _levels(part: dict[str, Any], report: dict[str, Any]) -> list[Table]:
    rows = tuple(
        (
            LABELS[kind],
            with_interval(part[kind]["db_per_step"], part[kind]["interval"]),
            f"{part[kind]['onsets']}",
        )
        for kind in KINDS
        if kind in part
    )
    note = "How many dB the 100 ms after an onset gain with each step of MIDI velocity."
    return [Table("Level against velocity", ("", "dB per step", "onsets"), rows, note)]


def _joins(part: dict[str, Any], report: dict[str, Any]) -> list[Table]:
    rows = tuple(
        (
            LABELS[kind],
            *(
                text
                for measure in ("flux", "jump")
                for text in (
                    _excess(part[kind][measure]),
                    with_interval(
                        part[kind][measure]["exceedance"], part[kind][measure]["interval"]
                    ),
                )
            ),
            f"{part[kind]['joins']}",
        )
        for kind in KINDS
        if kind in part
    )
    columns = (
        *("", "flux, joins / elsewhere", "P(join above elsewhere)"),
        *("log-mel jump, joins / elsewhere", "P(join above elsewhere)", "joins"),
    )
    note = (
        "Change of sound where windows meet, and at random places of the same audio. A probability"
        " of 0.5 means that joins cannot be told from other places."
    )
    return [Table("Joins", columns, rows, note)]


def _excess(changes: dict[str, float]) -> str:
    """Joins over random places; nothing where nothing at all changes there."""
    other = changes["at_random"]
    return number(changes["at_joins"] / other if other else None)


def _speed(part: dict[str, Any], report: dict[str, Any]) -> list[Table]:
    rows = tuple(
        (
            name,
            f"{of['times_real_time']:.1f}",
            f"{of['audio_seconds']:.0f} s",
            f"{of['wall_seconds']:.1f} s",
        )
        for name, of in part.items()
    )
    columns = ("", "times real time", "audio", "wall time")
    return [Table("Speed", columns, rows)]
