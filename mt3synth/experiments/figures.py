"""Reads the figures of arms out of their reports, as a table and as curves."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from mt3synth.experiments.arms import Arm, Experiment
from mt3synth.reporting.tables import Table, number

KINDS = {"generated": "", "vocoded": "real, vocoded", "real": "real"}
"""Of a report: what an arm made, and what stands below all arms, of the first that has it."""

_PATHS: dict[str, tuple[str, ...]] = {
    "All-FAD": ("fad", "all_fad", "{kind}", "value"),
    "Group-FAD": ("fad", "by_performance", "{kind}", "group_fad"),
    "nearest": ("fad", "by_performance", "{kind}", "accuracy", "1"),
    "recognised": ("performance_classifier", "kinds", "{kind}", "accuracy"),
    "log-mel L1": ("audio_distance", "{kind}", "log_mel_l1", "value"),
}
_LOWER_IS_BETTER = ("All-FAD", "Group-FAD", "log-mel L1")
_NOTE = (
    "All-FAD and Group-FAD (down is closer) and the performances that are nearest by it as in Maman"
    " et al. (arXiv 2309.12283), of whole performances; recognised by a classifier of mel"
    " statistics; log-mel distance from the real rendering of the same notes, in nats; F1 of the"
    " notes that a transcriber hears, counts pooled."
)


def figures_of(report: Mapping[str, Any], kind: str) -> dict[str, float]:
    """Reads the figures of a kind that a report has; a report has what could be measured."""
    paths = dict(_PATHS)
    for judge in report.get("notes", {}):
        paths[f"F1, {judge}"] = ("notes", judge, "scores", "note", "{kind}", "f1")
    found = {}
    for name, path in paths.items():
        value: Any = report
        for key in path:
            value = value.get(key.format(kind=kind)) if isinstance(value, Mapping) else None
        if isinstance(value, (int, float)):
            found[name] = float(value)
    return found


def table_of(experiment: Experiment, reports: Mapping[str, Mapping[str, Any]]) -> Table:
    """Makes a row of each arm that was measured, and below them rows of the real renderings."""
    rows = {name: figures_of(report, "generated") for name, report in reports.items()}
    first = next(iter(reports.values()), {})
    for kind in ("vocoded", "real"):
        if real := figures_of(first, kind):
            rows[KINDS[kind]] = real
    columns = _columns(rows)
    text = [(name, *(number(row.get(column)) for column in columns)) for name, row in rows.items()]
    return Table(experiment.question, ("", *columns), tuple(text), _NOTE)


def _columns(rows: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Lists what any row has, in the order in which it is met."""
    return list(dict.fromkeys(column for row in rows.values() for column in row))


def draw(experiment: Experiment, rows: Mapping[str, Mapping[str, float]]) -> bytes:
    """Draws every figure as curves over `Arm.at`, or as bars where arms have no order; a PNG.

    Args:
      experiment: whose arms they are.
      rows: `figures_of` those that were measured, by their names.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = _columns(rows)
    arms = [arm for arm in experiment.arms if arm.name in rows]
    across = min(3, max(1, len(columns)))
    down = -(-max(1, len(columns)) // across)
    figure, axes = pyplot.subplots(
        down, across, figsize=(4 * across, 3 * down), layout="constrained", squeeze=False
    )
    for axis, column in zip(axes.flat, columns):
        drawn = [arm for arm in arms if column in rows[arm.name]]
        if any(arm.at is None for arm in drawn):
            axis.bar([arm.name for arm in drawn], [rows[arm.name][column] for arm in drawn])
            axis.tick_params(axis="x", labelrotation=60)
        else:
            for series in dict.fromkeys(arm.series for arm in drawn):
                _draw_series(axis, series, [a for a in drawn if a.series == series], rows, column)
            axis.set_xlabel(experiment.axis)
        better = " (down is closer)" if column in _LOWER_IS_BETTER else ""
        axis.set_title(f"{column}{better}", fontsize=10)
    for axis in axes.flat[len(columns) :]:
        axis.set_visible(False)
    if any(arm.series and arm.at is not None for arm in arms):
        figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside lower center")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90)
    pyplot.close(figure)
    return buffer.getvalue()


def _draw_series(
    axis: Any,
    series: str,
    arms: Sequence[Arm],
    rows: Mapping[str, Mapping[str, float]],
    column: str,
) -> None:
    points = sorted((arm.at, rows[arm.name][column]) for arm in arms)
    axis.plot(*zip(*points), "o-", label=series or None)
