"""Measures Frechet audio distances: All-FAD, Group-FAD, and version classification by it.

As Maman et al. (ICASSP 2024, arXiv 2309.12283, section 4) define them: All-FAD is the distance of
everything generated from all recordings, Group-FAD that from the recordings of the performance
alone that was asked for. Everything that is compared comes from the same numbers of embeddings, as
few make a distance greater (`mt3synth.evaluation.metrics.frechet`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from mt3synth.errors import UserError
from mt3synth.evaluation.embeddings.subsampling import Subset
from mt3synth.evaluation.evaluation_set import COMPARED, LABELS, Problem
from mt3synth.evaluation.metrics.all_fad import all_fad, all_fad_table, keys_of, recording_keys
from mt3synth.evaluation.metrics.bootstrap import bootstrap_interval
from mt3synth.evaluation.metrics.group_fad import GroupDistances, group_distances
from mt3synth.evaluation.metrics.metric import (
    Evaluators,
    Figures,
    Measurements,
    Metric,
    PieceRow,
    ScoreRow,
    embedding_key,
    mean,
)
from mt3synth.reporting.tables import Table, number, with_interval

NAME = "fad"
LEVELS = {"by_performance": "whole performances", "by_piece": "single pieces"}
"""What Group-FAD is taken of, with what tables call it."""
TOPS = (1, 3, 5)


def aggregate(found: Measurements, evaluators: Evaluators) -> Figures:
    """Takes All-FAD, and Group-FAD of whole performances and of single pieces, for every kind.

    What cannot be had is missing, and why is among the problems of ``found``.
    """
    figures: Figures = {}
    if not found.performances:  # nothing was heard, or no piece takes this metric
        return figures
    parts: dict[str, tuple[str, Callable[[], Figures]]] = {
        "all_fad": ("All-FAD", lambda: all_fad(found, evaluators)),
        "by_performance": ("Group-FAD by performance", lambda: _groups(found, evaluators, False)),
        "by_piece": ("Group-FAD by piece", lambda: _groups(found, evaluators, True)),
    }
    for name, (title, part) in parts.items():
        try:
            figures[name] = part()
        except UserError as error:
            found.problems.append(Problem(title, str(error)))
    return figures


def tables(figures: Figures, report: Figures) -> list[Table]:
    """Shows All-FAD, and Group-FAD with version classification."""
    embedding = report["embedding"]["name"]
    made = []
    if "all_fad" in figures:
        made.append(all_fad_table(figures["all_fad"], embedding))
    for level, what in LEVELS.items():
        if level in figures:
            made.append(_group_table(figures[level], what, embedding))
    return made


def score_rows(figures: Figures) -> Iterable[ScoreRow]:
    """Gives the distances, the accuracies and chance."""
    for kind in COMPARED:
        if kind in figures.get("all_fad", {}):
            part = figures["all_fad"][kind]
            yield "all_fad", kind, part["value"], *(part["interval"] or ("", ""))
            if part["infinity"]:
                yield "all_fad_infinity", kind, part["infinity"]["value"], "", ""
        for level in LEVELS:
            if kind in figures.get(level, {}):
                part = figures[level][kind]
                yield f"group_fad {level}", kind, part["group_fad"], *part["group_fad_interval"]
                for k, value in part["accuracy"].items():
                    yield f"top_{k} {level}", kind, value, *part["accuracy_intervals"][k]
                    yield f"top_{k} chance {level}", kind, part["chance"][k], "", ""


def piece_rows(found: Measurements, figures: Figures) -> Iterable[PieceRow]:
    """Gives the Group-FAD of each piece."""
    for kind in COMPARED:
        for item in figures.get("by_piece", {}).get(kind, {}).get("items", ()):
            yield item["item"], kind, item["performance"], "group_fad", item["group_fad"]


def _groups(found: Measurements, evaluators: Evaluators, by_piece: bool) -> Figures:
    """Takes Group-FAD and classifies; a generation is a piece, or all pieces of a performance."""
    shrinkage, seed = evaluators.shrinkage, evaluators.seed
    groups: dict[str, list[str]] = {}
    for name in recording_keys(found):
        groups.setdefault(found.performances[name], []).append(name)
    generations: dict[str, list[str]] = {}
    targets: dict[str, str] = {}
    kind_of: dict[str, str] = {}
    for kind in COMPARED:
        for name in keys_of(found, kind):
            performance = found.performances[name]
            if performance not in groups:  # listed as a problem when the set was read
                continue
            key = name if by_piece else embedding_key(kind, f"performance {performance}")
            generations.setdefault(key, []).append(name)
            targets[key], kind_of[key] = performance, kind
    store = found.embeddings
    # Without shrinkage a covariance of fewer embeddings has not full rank, and says too little.
    least = 2 if shrinkage is not None else store.dimension + 1
    rows = {key: store.rows(*names) for key, names in generations.items()}
    rows = _large_enough(found, rows, least, "pieces" if by_piece else "performances")
    group_rows = {group: store.rows(*names) for group, names in groups.items()}
    group_rows = _large_enough(found, group_rows, least, "groups of recordings")
    rows = {key: value for key, value in rows.items() if targets[key] in group_rows}
    distances = group_distances(rows, group_rows, seed, shrinkage)
    figures: Figures = {
        "groups": list(distances.groups),
        "generation_count": distances.generation_count,
        "group_count": distances.group_count,
        "most_negative": distances.most_negative,
    }
    for kind in COMPARED:
        chosen = [i for i, key in enumerate(distances.generations) if kind_of[key] == kind]
        if chosen:
            own = replace(
                distances,
                generations=tuple(distances.generations[i] for i in chosen),
                distances=distances.distances[chosen],
            )
            figures[kind] = _of_kind(own, targets, seed)
    return figures


def _of_kind(distances: GroupDistances, targets: Mapping[str, str], seed: int) -> Figures:
    fads = distances.group_fad(targets)
    versions = distances.classify(targets, TOPS)
    items = list(distances.generations)
    nearest = np.argmin(distances.distances, axis=1)
    return {
        "group_fad": float(np.mean(list(fads.values()))),
        "group_fad_interval": bootstrap_interval(list(fads.values()), mean, seed),
        "accuracy": {str(k): value for k, value in versions.accuracy.items()},
        "accuracy_intervals": {
            str(k): bootstrap_interval([float(versions.ranks[i] <= k) for i in items], mean, seed)
            for k in TOPS
        },
        "chance": {str(k): value for k, value in versions.chance.items()},
        "confusion": versions.confusion.tolist(),
        "items": [
            {
                "item": item.partition(": ")[2],
                "performance": targets[item],
                "group_fad": fads[item],
                "rank": versions.ranks[item],
                "nearest": distances.groups[group],
            }
            for item, group in zip(items, nearest)
        ],
    }


def _group_table(of: Figures, what: str, embedding: str) -> Table:
    shown = [kind for kind in COMPARED if kind in of]
    chance = {k: value for k, value in of[shown[0]]["chance"].items() if value < 1}
    rows = []
    for kind in shown:
        part = of[kind]
        tops = (with_interval(part["accuracy"][k], part["accuracy_intervals"][k]) for k in chance)
        distance = with_interval(part["group_fad"], part["group_fad_interval"])
        rows.append((LABELS[kind], distance, *tops, f"{len(part['items'])}"))
    rows.append(("chance", "", *map(number, chance.values()), ""))
    note = (
        f"{of['generation_count']} embeddings of each against {of['group_count']} of each of"
        f" {len(of['groups'])} performances. Top k: the performance asked for is among the k"
        " nearest."
    )
    columns = ("", "Group-FAD", *(f"top {k}" for k in chance), "number")
    return Table(f"Group-FAD and version classification of {what}, {embedding}", columns,
                 tuple(rows), note)  # fmt: skip


def _large_enough(
    found: Measurements, sets: Mapping[str, Subset], least: int, what: str
) -> dict[str, Subset]:
    """Keeps those of which a covariance can be had; the others are a problem."""
    enough = {name: rows for name, rows in sets.items() if len(rows) >= least}
    small = {name: len(rows) for name, rows in sets.items() if name not in enough}
    if small:
        name, count = min(small.items(), key=lambda item: item[1])
        dimension = found.embeddings.dimension
        wanted, remedy = f"2 embeddings, such as {name} with {count}", "give more audio"
        if least > 2:
            wanted = f"{least} embeddings (of {dimension} dimensions), such as {name} with {count}"
            remedy = "give --shrinkage ledoit-wolf, or more audio"
        reason = f"{len(small)} of {len(sets)} {what} have fewer than {wanted}; {remedy}"
        if not enough:
            raise UserError(reason)
        found.problems.append(Problem(what, f"left out of Group-FAD: {reason}"))
    return enough


FAD = Metric(NAME, aggregate, tables, score_rows, piece_rows=piece_rows, hears_level=True)
