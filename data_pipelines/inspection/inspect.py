"""Looks through a data set once, and leaves a report in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from data_pipelines.filesystem import write_atomically, write_text
from data_pipelines.inspection.examples import Example, write_example
from data_pipelines.inspection.page import format_page
from data_pipelines.inspection.pictures import draw_histograms, draw_hours
from data_pipelines.inspection.segment_shares import SegmentShares
from data_pipelines.inspection.survey import Survey
from data_pipelines.inspection.tables import make_tables, tabulate_shares
from data_pipelines.performances import read_performances
from data_pipelines.prepare.tables import REJECTED_FILE
from data_pipelines.shards.formats import FORMATS, format_of, read_split
from data_pipelines.shards.names import splits_in
from data_pipelines.songs import SPLITS, Song
from mt3synth.errors import UserError, explain_os_errors
from mt3synth.reporting.tables import Table, read_csv

PAGE_FILE = "index.html"


@dataclass(frozen=True)
class ExampleOptions:
    """Says which songs become examples.

    Attributes:
      songs: ids, or numbers counted from 0 through the splits looked at; none for one song of
        each performance.
      most: examples at most, where none are named.
      start, end: seconds of the song; see `examples.write_example`.
    """

    songs: tuple[str, ...] = ()
    most: int = 12
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class Inspection:
    """Holds what was found, and where the report is."""

    survey: Survey
    shares: SegmentShares
    tables: list[Table]
    remarks: list[str]
    examples: list[Example]
    page: Path


def inspect(
    folder: Path,
    out: Path,
    options: ExampleOptions,
    split: str | None = None,
    progress: Callable[[Iterator[tuple[str, Song]]], Iterator[tuple[str, Song]]] = iter,
) -> Inspection:
    """Reads every song of a data set once, one at a time, and writes the report into ``out``.

    Args:
      folder: of the data set, in either format.
      out: made if need be; files of an earlier report are replaced.
      options: which examples to write.
      split: the only one to look at; None looks at all.
      progress: wraps the songs, to show how far it is.

    Raises:
      UserError: ``folder`` is no data set or is damaged, a named song is not in it, or ``out``
        cannot be written to; or matplotlib is not installed.
    """
    # Before a data set is read for hours, and not after.
    if find_spec("matplotlib") is None:
        raise UserError("inspecting draws with matplotlib: pip install 'mt3synth[data]'")
    splits = _choose_splits(folder, split)
    names = {i: p.name for i, p in enumerate(read_performances(folder))}
    with explain_os_errors(f"--out {out}", "cannot be made"):
        out.mkdir(parents=True, exist_ok=True)
    # One pass does both: reading a large data set twice would take hours.
    survey, shares, examples = Survey(), SegmentShares(), []
    missing = set(options.songs)
    heard: set[int] = set()
    songs = ((split, song) for split in splits for song in read_split(folder, split))
    for number, (of_split, song) in enumerate(progress(songs)):
        survey.add(of_split, song)
        shares.add(song)
        asked = missing & {song.id, str(number)}
        first = not options.songs and song.performance not in heard and len(heard) < options.most
        if asked or first:
            missing -= asked
            heard.add(song.performance)
            span = options.start, options.end
            examples.append(write_example(song, of_split, number, out / "examples", *span))
    if missing:
        raise UserError(f"{folder}: no song {', '.join(sorted(missing))} (of {number + 1} songs)")
    remarks = [] if split is None else [f"Only split {split} was looked at."]
    remarks += _write_remarks(folder, survey, examples, options)
    tables = [*make_tables(survey, names), tabulate_shares(shares)]
    pictures = {
        "Length of performances": out / "hours.png",
        "Pitch, velocity, polyphony": out / "histograms.png",
    }
    hours, histograms = pictures.values()
    with write_atomically(hours) as unfinished:
        draw_hours(survey, names, unfinished)
    with write_atomically(histograms) as unfinished:
        draw_histograms(survey, unfinished)
    title = f"Data set {folder.resolve().name}"
    page = format_page(title, tables, pictures, examples, names, remarks, out)
    write_text(out / PAGE_FILE, page)
    return Inspection(survey, shares, tables, remarks, examples, out / PAGE_FILE)


def _choose_splits(folder: Path, split: str | None) -> list[str]:
    """Chooses the splits to look at, in the usual order."""
    suffix = FORMATS[format_of(folder)].suffix
    present = splits_in(folder, suffix)
    if split is not None and split not in present:
        raise UserError(f"{folder}: no split {split!r} (there: {', '.join(present)})")
    chosen = present if split is None else [split]
    usual = [name for name in SPLITS if name in chosen]
    return usual + [name for name in chosen if name not in usual]


def _write_remarks(
    folder: Path, survey: Survey, examples: Sequence[Example], options: ExampleOptions
) -> list[str]:
    remarks = []
    rejected = _count_rows(folder / REJECTED_FILE)
    if rejected:
        remarks.append(f"Recordings left out: {rejected}; {REJECTED_FILE} says why.")
    if not options.songs and len(examples) < len(survey.performances):
        remarks.append(
            f"Examples of {len(examples)} of {len(survey.performances)} performances"
            " (--most N for more)."
        )
    return remarks


def _count_rows(path: Path) -> int:
    """Counts the rows of a CSV file below its header; 0 if there is no such file."""
    return len(read_csv(path)) if path.is_file() else 0
