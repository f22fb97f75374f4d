"""Performance IDs: given in order of appearance, and kept for good."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_pipelines.filesystem import place, write_text
from data_pipelines.recordings import Recording
from mt3synth.errors import UserError

FILE = "performances.json"


@dataclass(frozen=True)
class PerformanceEntry:
    """A performance of a data set; its index is its place in the list.

    Attributes:
      name: unique.
      description: for people.
    """

    name: str
    description: str


def read_performances(folder: str | Path) -> list[PerformanceEntry]:
    """The performances of a data set, none if ``folder`` has no performances.json.

    Raises:
      UserError: the file is not what was written.
    """
    path = place(folder) / FILE
    if not path.exists():
        return []
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        entries = [PerformanceEntry(str(e["name"]), str(e["description"])) for e in listed]
        indices = [e["index"] for e in listed]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: cannot be read ({error!r})") from error
    if indices != list(range(len(entries))) or len({e.name for e in entries}) != len(entries):
        raise UserError(f"{path}: indices must count from 0 and names must differ; restore it")
    return entries


def write_performances(folder: str | Path, performances: Sequence[PerformanceEntry]) -> None:
    """Writes performances.json."""
    listed = [
        {"index": i, "name": p.name, "description": p.description}
        for i, p in enumerate(performances)
    ]
    write_text(place(folder) / FILE, json.dumps(listed, indent=2, ensure_ascii=False) + "\n")


def assign(
    recordings: Iterable[Recording], frozen: Sequence[PerformanceEntry]
) -> list[PerformanceEntry]:
    """The frozen performances under their numbers, then new ones in order of appearance.

    A description is the first that the recordings give, else what it was, else the name.
    """
    given: dict[str, str] = {}
    for recording in recordings:
        if not given.get(recording.performance):
            given[recording.performance] = recording.description
    before = {entry.name: entry.description for entry in frozen}
    return [
        PerformanceEntry(name, given.get(name) or before.get(name) or name)
        for name in [*before, *(name for name in given if name not in before)]
    ]


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
