"""Tabulates the figures of a survey, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from data_pipelines.inspection.segment_shares import FRAMES, KINDS, SegmentShares
from data_pipelines.inspection.survey import DRUMS, Survey, Tally, name_program
from mt3synth.reporting.tables import Table

ALL = "all"


def make_tables(survey: Survey, names: Mapping[int, str]) -> list[Table]:
    """Tabulates splits, performances and instruments.

    Args:
      survey: the figures.
      names: of performances by index; one without a name goes by its index.
    """
    return [
        _tabulate_splits(survey),
        _tabulate_performances(survey, names),
        _tabulate_instruments(survey),
    ]


def name_performance(names: Mapping[int, str], index: int) -> str:
    """Names a performance, by its index if it has no name."""
    return names.get(index, f"performance {index}")


def format_duration(seconds: float) -> str:
    """Formats a length in hours, minutes or seconds, whichever is not below 1."""
    if seconds >= 3600:
        return f"{seconds / 3600:.2f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.1f} s"


def _tabulate_splits(survey: Survey) -> Table:
    rows = [_make_split_row(split, survey.tally(split)) for split in survey.splits]
    # Of a single split the sum would say the same again.
    if len(rows) > 1:
        rows.append(_make_split_row(ALL, survey.tally()))
    columns = ("split", "songs", "audio", "mean length", "notes", "notes per second")
    return Table("Splits", columns, tuple(rows))


def _make_split_row(name: str, tally: Tally) -> tuple[str, ...]:
    mean = tally.seconds / max(tally.songs, 1)
    rate = tally.notes / tally.seconds if tally.seconds else 0.0
    return (
        *(name, f"{tally.songs}", format_duration(tally.seconds)),
        *(format_duration(mean), f"{tally.notes}", f"{rate:.1f}"),
    )


def _tabulate_performances(survey: Survey, names: Mapping[int, str]) -> Table:
    rows = []
    for index in survey.performances:
        tally = survey.tally(performance=index)
        lengths = [format_duration(survey.tally(s, index).seconds) for s in survey.splits]
        name = f"{index}  {name_performance(names, index)}"
        rows.append((name, f"{tally.songs}", *lengths, f"{tally.notes}"))
    columns = ("performance", "songs", *survey.splits, "notes")
    return Table("Performances", columns, tuple(rows))


def _tabulate_instruments(survey: Survey) -> Table:
    total = max(survey.tally().notes, 1)
    ranked = sorted(survey.programs.items(), key=lambda item: (-item[1].notes, item[0]))
    rows = [
        (
            name_program(program),
            "" if program == DRUMS else f"{program}",
            f"{tally.songs}",
            f"{tally.notes}",
            f"{tally.notes / total:.1%}",
        )
        for program, tally in ranked
    ]
    return Table("Instruments", ("instrument", "program", "songs", "notes", "share"), tuple(rows))


def tabulate_shares(shares: SegmentShares) -> Table:
    """Tabulates what share of the segments that training reads is of each kind."""
    rows = tuple((text, f"{shares.share(kind):.1%}") for kind, text in KINDS.items())
    heading = f"{shares.segments} segments of {FRAMES} frames, as training reads them"
    return Table(heading, ("segment", "share"), rows)


def find_median(counts: np.ndarray) -> int:
    """Finds the median of what was counted by value; 0 if nothing was."""
    total = counts.sum()
    return int(np.searchsorted(np.cumsum(counts), total / 2)) if total else 0
