"""Measures Frechet audio distances: All-FAD, Group-FAD, and version classification by it.

As Maman et al. (ICASSP 2024, arXiv 2309.12283, section 4) define them: All-FAD is the distance of
everything generated from all recordings, Group-FAD that from the recordings of the performance
alone that was asked for. Everything that is compared comes from the same numbers of embeddings, as
few make a distance greater (`mt3synth.evaluation.metrics.frechet`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from mt3synth.errors import UserError
from mt3synth.evaluation.embeddings.gaussian import Gaussian, Shrinkage
from mt3synth.evaluation.embeddings.store import EmbeddingStore
from mt3synth.evaluation.embeddings.subsampling import Subset, equal_counts, gaussian_of
from mt3synth.evaluation.evaluation_set import KINDS, LABELS, Problem
from mt3synth.evaluation.metrics.bootstrap import bootstrap_interval
from mt3synth.evaluation.metrics.frechet import fad_infinity, frechet_distance, frechet_interval
from mt3synth.evaluation.metrics.group_fad import GroupDistances, group_distances
from mt3synth.evaluation.metrics.metric import (
    RECORDING,
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

_WIDEST = 256  # dimensions: beyond, a Gaussian for each draw takes too long
_DRAWS = 100  # enough for the bounds of 95 %, each of which costs as much as the distance
_FEWEST = 10  # recordings on a side: a draw of fewer lacks so many that its distance says nothing


def aggregate(found: Measurements, evaluators: Evaluators) -> Figures:
    """Takes All-FAD, and Group-FAD of whole performances and of single pieces, for every kind.

    What cannot be had is missing, and why is among the problems of ``found``.
    """
    figures: Figures = {}
    if not found.performances:  # nothing was heard, or no piece takes this metric
        return figures
    parts: dict[str, tuple[str, Callable[[], Figures]]] = {
        "all_fad": ("All-FAD", lambda: _all_fad(found, evaluators)),
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
        of = figures["all_fad"]
        rows = []
        for kind, part in ((kind, of[kind]) for kind in KINDS if kind in of):
            infinity = number(part["infinity"]["value"] if part["infinity"] else None)
            distance = with_interval(part["value"], part["interval"])
            rows.append((LABELS[kind], distance, infinity, f"{part['count']}"))
        note = (
            f"Frechet distance of {embedding} embeddings from all {of['recordings']} recordings"
            f" ({of['embeddings']} embeddings); lower is closer. In brackets 95 % intervals over"
            " recordings; they and FAD-infinity leave out what few embeddings add."
        )
        columns = ("All-FAD", "distance", "FAD-infinity", "embeddings")
        made.append(Table(f"All-FAD, {embedding}", columns, tuple(rows), note))
    for level, what in LEVELS.items():
        if level in figures:
            made.append(_group_table(figures[level], what, embedding))
    return made


def score_rows(figures: Figures) -> Iterable[ScoreRow]:
    """Gives the distances, the accuracies and chance."""
    for kind in KINDS:
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
    for kind in KINDS:
        for item in figures.get("by_piece", {}).get(kind, {}).get("items", ()):
            yield item["item"], kind, item["performance"], "group_fad", item["group_fad"]


def _all_fad(found: Measurements, evaluators: Evaluators) -> Figures:
    shrinkage, seed = evaluators.shrinkage, evaluators.seed
    recordings = _recordings(found)
    reference = found.embeddings.gaussian(*recordings)
    named = {kind: _keys(found, kind) for kind in KINDS}
    sets = {kind: found.embeddings.rows(*names) for kind, names in named.items() if names}
    figures: Figures = {"recordings": len(recordings), "embeddings": reference.count}
    # As many embeddings of each kind, for fewer make a distance greater.
    for kind, rows in equal_counts(sets, seed).items():
        distance = frechet_distance(gaussian_of(rows), reference, shrinkage)
        figures[kind] = {
            "value": distance.value,
            "interval": _fad_interval(found, kind, recordings, shrinkage, seed),
            "count": len(rows),
            "most_negative": distance.most_negative,
            "shrinkage": max(distance.shrinkage),
            "infinity": None,
        }
        with suppress(UserError):  # too few to vary their number; the plain value stands alone
            infinity = fad_infinity(rows, reference, seed, shrinkage=shrinkage)
            figures[kind]["infinity"] = asdict(infinity)
    return figures


def _fad_interval(
    found: Measurements, kind: str, recordings: list[str], shrinkage: Shrinkage, seed: int
) -> tuple[float, float] | None:
    if found.embeddings.dimension > _WIDEST:
        return None
    ours = _Gaussians(found.embeddings, _keys(found, kind))
    theirs = _Gaussians(found.embeddings, recordings)
    if min(len(ours), len(theirs)) < _FEWEST:
        return None
    try:
        return frechet_interval(ours, theirs, seed, draws=_DRAWS, shrinkage=shrinkage)
    except UserError:  # a draw of few pieces may hold too few embeddings
        return None


def _groups(found: Measurements, evaluators: Evaluators, by_piece: bool) -> Figures:
    """Takes Group-FAD and classifies; a generation is a piece, or all pieces of a performance."""
    shrinkage, seed = evaluators.shrinkage, evaluators.seed
    groups: dict[str, list[str]] = {}
    for name in _recordings(found):
        groups.setdefault(found.performances[name], []).append(name)
    generations: dict[str, list[str]] = {}
    targets: dict[str, str] = {}
    kind_of: dict[str, str] = {}
    for kind in KINDS:
        for name in _keys(found, kind):
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
    for kind in KINDS:
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
    shown = [kind for kind in KINDS if kind in of]
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


def _keys(found: Measurements, kind: str) -> list[str]:
    """Lists the keys of a kind's embeddings."""
    return [name for name in found.performances if name.startswith(f"{kind}: ")]


def _recordings(found: Measurements) -> list[str]:
    """Lists the keys of the recordings' embeddings, of which there must be some."""
    keys = _keys(found, RECORDING)
    if not keys:
        raise UserError("there are no recordings to compare with")
    return keys


class _Gaussians(Sequence[Gaussian]):
    """Holds Gaussians of each name's embeddings, made when they are looked at."""

    def __init__(self, store: EmbeddingStore, names: Sequence[str]) -> None:
        self._store, self._names = store, names

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, position: Any) -> Any:
        return self._store.gaussian(self._names[position])


FAD = Metric(NAME, aggregate, tables, score_rows, piece_rows=piece_rows)
