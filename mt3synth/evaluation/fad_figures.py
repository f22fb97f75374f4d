"""Figures from embeddings: All-FAD, Group-FAD, version classification, and tracks to be drawn.

As Maman et al. (ICASSP 2024, arXiv 2309.12283, section 4) define them. Everything that is compared
comes from the same numbers of embeddings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from mt3synth.errors import UserError
from mt3synth.evaluation.embeddings.store import Shelves
from mt3synth.evaluation.evaluation_set import KINDS, Problem
from mt3synth.evaluation.measure import RECORDING, Findings, shelf_name
from mt3synth.evaluation.metrics.bootstrap import bootstrap_interval
from mt3synth.evaluation.metrics.frechet import (
    Shrinkage,
    fad_infinity,
    frechet_distance,
    frechet_interval,
)
from mt3synth.evaluation.metrics.gaussian import Gaussian
from mt3synth.evaluation.metrics.group_fad import GroupDistances, group_distances
from mt3synth.evaluation.metrics.subsampling import Drawn, equal_counts, gaussian_of
from mt3synth.types import FloatND

TOPS = (1, 3, 5)

_WIDEST = 256  # dimensions: beyond, a Gaussian for each draw takes too long
_DRAWS = 100
_FEWEST = 10  # recordings on a side: a draw of fewer lacks so many that its distance says nothing


def closeness(found: Findings, shrinkage: Shrinkage, seed: int) -> dict[str, Any]:
    """All-FAD, and Group-FAD of whole performances and of single pieces, for every kind.

    What cannot be had is missing, and why is among the problems of ``found``.
    """
    figures: dict[str, Any] = {}
    parts = {
        "all_fad": lambda: _all_fad(found, shrinkage, seed),
        "by_performance": lambda: _groups(found, shrinkage, seed, by_piece=False),
        "by_piece": lambda: _groups(found, shrinkage, seed, by_piece=True),
    }
    for name, measure in parts.items():
        try:
            figures[name] = measure()
        except UserError as error:
            found.problems.append(Problem(_TITLES[name], str(error)))
    return figures


_TITLES = {
    "all_fad": "All-FAD",
    "by_performance": "Group-FAD by performance",
    "by_piece": "Group-FAD by piece",
}


def _all_fad(found: Findings, shrinkage: Shrinkage, seed: int) -> dict[str, Any]:
    recordings = names_of(found, RECORDING)
    if not recordings:
        raise UserError("there are no recordings to compare with")
    reference = found.embeddings.gaussian(*recordings)
    named = {kind: names_of(found, kind) for kind in KINDS}
    sets = {kind: found.embeddings.rows(*names) for kind, names in named.items() if names}
    figures: dict[str, Any] = {"recordings": len(recordings), "embeddings": reference.count}
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
        try:
            infinity = fad_infinity(rows, reference, seed, shrinkage=shrinkage)
        except UserError:  # too few to vary their number; the plain value stands alone
            continue
        figures[kind]["infinity"] = asdict(infinity)
    return figures


def _fad_interval(
    found: Findings, kind: str, recordings: list[str], shrinkage: Shrinkage, seed: int
) -> tuple[float, float] | None:
    if found.embeddings.dimension > _WIDEST:
        return None
    ours = _Gaussians(found.embeddings, names_of(found, kind))
    theirs = _Gaussians(found.embeddings, recordings)
    if min(len(ours), len(theirs)) < _FEWEST:
        return None
    try:
        return frechet_interval(ours, theirs, seed, draws=_DRAWS, shrinkage=shrinkage)
    except UserError:  # a draw of few pieces may hold too few embeddings
        return None


def _groups(found: Findings, shrinkage: Shrinkage, seed: int, by_piece: bool) -> dict[str, Any]:
    """Group-FAD and classification; a generation is a piece, or all pieces of a performance."""
    groups = _by_performance(found, RECORDING)
    if not groups:
        raise UserError("there are no recordings to compare with")
    generations: dict[str, list[str]] = {}
    targets: dict[str, str] = {}
    kind_of: dict[str, str] = {}
    for kind in KINDS:
        for name in names_of(found, kind):
            performance = found.performances[name]
            if performance not in groups:  # said when the material was read
                continue
            key = name if by_piece else shelf_name(kind, f"performance {performance}")
            generations.setdefault(key, []).append(name)
            targets[key], kind_of[key] = performance, kind
    shelves = found.embeddings
    least = 2 if shrinkage is not None else shelves.dimension + 1
    rows = {key: shelves.rows(*names) for key, names in generations.items()}
    rows = _large_enough(found, rows, least, "pieces" if by_piece else "performances")
    group_rows = {group: shelves.rows(*names) for group, names in groups.items()}
    group_rows = _large_enough(found, group_rows, least, "groups of recordings")
    rows = {key: value for key, value in rows.items() if targets[key] in group_rows}
    distances = group_distances(rows, group_rows, seed, shrinkage)
    figures: dict[str, Any] = {
        "groups": list(distances.groups),
        "generation_count": distances.generation_count,
        "group_count": distances.group_count,
        "most_negative": distances.most_negative,
    }
    for kind in KINDS:
        chosen = [i for i, key in enumerate(distances.generations) if kind_of[key] == kind]
        if chosen:
            figures[kind] = _of_kind(_subset(distances, chosen), targets, seed)
    return figures


def _of_kind(distances: GroupDistances, targets: Mapping[str, str], seed: int) -> dict[str, Any]:
    fads = distances.group_fad(targets)
    versions = distances.classify(targets, TOPS)
    items = list(distances.generations)
    nearest = np.argmin(distances.distances, axis=1)
    return {
        "group_fad": float(np.mean(list(fads.values()))),
        "group_fad_interval": bootstrap_interval(list(fads.values()), _mean, seed),
        "accuracy": {str(k): value for k, value in versions.accuracy.items()},
        "accuracy_intervals": {
            str(k): bootstrap_interval([float(versions.ranks[i] <= k) for i in items], _mean, seed)
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


def _subset(distances: GroupDistances, rows: list[int]) -> GroupDistances:
    return replace(
        distances,
        generations=tuple(distances.generations[i] for i in rows),
        distances=distances.distances[rows],
    )


def _large_enough(
    found: Findings, sets: Mapping[str, Drawn], least: int, what: str
) -> dict[str, Drawn]:
    """Those of which a covariance can be had; the others are a problem."""
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


def tracks(found: Findings) -> tuple[list[str], list[str], FloatND]:
    """Kind, performance and mean embedding ``[tracks D]`` of everything that was heard."""
    kinds, performances, means = [], [], []
    for name, performance in found.performances.items():
        kinds.append(name.partition(": ")[0])
        performances.append(performance)
        means.append(found.embeddings.mean(name))
    return kinds, performances, np.array(means).reshape(-1, found.embeddings.dimension)


def names_of(found: Findings, kind: str) -> list[str]:
    """The shelves of a kind that hold embeddings."""
    return [name for name in found.performances if name.startswith(f"{kind}: ")]


def _by_performance(found: Findings, kind: str) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names_of(found, kind):
        groups.setdefault(found.performances[name], []).append(name)
    return groups


class _Gaussians(Sequence[Gaussian]):
    """Of each name's embeddings, made when it is looked at."""

    def __init__(self, shelves: Shelves, names: Sequence[str]) -> None:
        self._shelves, self._names = shelves, names

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, place: Any) -> Any:
        return self._shelves.gaussian(self._names[place])


def _mean(values: Any) -> float:
    return float(np.mean(values))
