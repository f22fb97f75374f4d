"""Numbers the performances of data sets: in order of appearance, and for good.

A model is conditioned on the number of a performance. So a number that was given once stays, in a
data set that grows (`extend_performances`) and where data sets are read together
(`join_performances`): what comes later is numbered after what was there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_pipelines.filesystem import write_text
from data_pipelines.recordings import Recording
from mt3synth.errors import UserError
from mt3synth.foreign_files import read_json

PERFORMANCES_FILE = "performances.json"


@dataclass(frozen=True)
class PerformanceEntry:
    """Names a performance of a data set; its index is its position in the list.

    Attributes:
      name: unique.
      description: for people.
    """

    name: str
    description: str


def read_performances(folder: Path) -> list[PerformanceEntry]:
    """Reads the performances of a data set, none if ``folder`` has no performances.json.

    Raises:
      UserError: the file is not what was written.
    """
    path = folder / PERFORMANCES_FILE
    if not path.exists():
        return []
    try:
        listed = read_json(path)
        entries = [PerformanceEntry(str(e["name"]), str(e["description"])) for e in listed]
        indices = [e["index"] for e in listed]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: cannot be read ({error!r})") from error
    if indices != list(range(len(entries))) or len({e.name for e in entries}) != len(entries):
        raise UserError(f"{path}: indices must count from 0 and names must differ; restore it")
    return entries


def write_performances(folder: Path, performances: Sequence[PerformanceEntry]) -> None:
    """Writes performances.json."""
    listed = [
        {"index": i, "name": p.name, "description": p.description}
        for i, p in enumerate(performances)
    ]
    text = json.dumps(listed, indent=2, ensure_ascii=False) + "\n"
    write_text(folder / PERFORMANCES_FILE, text)


def extend_performances(
    before: Sequence[PerformanceEntry], recordings: Iterable[Recording]
) -> list[PerformanceEntry]:
    """Lists the performances that were there under their numbers, then new ones as they appear.

    A description is the first that the recordings give, else what it was, else the name.
    """
    given: dict[str, str] = {}
    for recording in recordings:
        if not given.get(recording.performance):
            given[recording.performance] = recording.description
    described = {entry.name: entry.description for entry in before}
    names = dict.fromkeys([*described, *given])
    return [PerformanceEntry(n, given.get(n) or described.get(n) or n) for n in names]


def join_performances(
    lists: Sequence[Sequence[PerformanceEntry]],
) -> tuple[list[PerformanceEntry], list[tuple[int, ...]]]:
    """Joins the lists of several data sets; also returns the new index of each old one in each.

    The same name means the same performance, whose description is the first that is given.
    """
    joined: dict[str, PerformanceEntry] = {}
    for entry in (entry for listed in lists for entry in listed):
        joined.setdefault(entry.name, entry)
    index = {name: i for i, name in enumerate(joined)}
    return list(joined.values()), [tuple(index[e.name] for e in listed) for listed in lists]
