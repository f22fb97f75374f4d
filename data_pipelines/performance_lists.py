"""The performances of several corpora as one list."""

from __future__ import annotations

from collections.abc import Sequence

from data_pipelines.prepare.performances import PerformanceEntry


def join_performances(
    lists: Sequence[Sequence[PerformanceEntry]],
) -> tuple[list[PerformanceEntry], list[tuple[int, ...]]]:
    """One list in order of appearance, and for each corpus the new index of each old one.

    The same name means the same performance, whose description is the first that is given. A corpus
    that is added last therefore changes no index of those before it.
    """
    joined: dict[str, PerformanceEntry] = {}
    for entry in (entry for listed in lists for entry in listed):
        joined.setdefault(entry.name, entry)
    places = {name: index for index, name in enumerate(joined)}
    return list(joined.values()), [tuple(places[e.name] for e in listed) for listed in lists]
