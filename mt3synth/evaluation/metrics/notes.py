"""Counts the notes to be played that transcribers find again, each of them a judge by itself.

What is counted is defined in `mt3synth.evaluation.metrics.note_counts`. Counts are added up over
recordings before F1 is taken. A transcriber errs on real audio, too: what matters is the ratio to
the real recording of the same notes, as it is and vocoded. And no transcriber hears like another:
what one forgives is all that another hears, so they stand side by side, with precision and recall,
and each kind of ensemble has a row, as a mean hides the worst.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from mt3synth.errors import UserError
from mt3synth.evaluation.evaluation_set import KINDS, LABELS, Problem
from mt3synth.evaluation.metrics.bootstrap import bootstrap_interval
from mt3synth.evaluation.metrics.ensembles import ENSEMBLES, name_ensemble
from mt3synth.evaluation.metrics.metric import (
    Evaluators,
    Figures,
    HeardPiece,
    Measured,
    Measurements,
    Metric,
    ScoreRow,
    rows_of_pieces,
)
from mt3synth.evaluation.metrics.note_counts import (
    COUNTERS,
    Heard,
    NoteCounts,
    count_all,
    pooled,
)
from mt3synth.reporting.tables import Table, number, with_interval

NAME = "notes"


@dataclass(frozen=True, eq=False)
class Judged:
    """Holds what came of one transcription: counts by name, and what it could tell apart."""

    counts: dict[str, NoteCounts]
    heard: Heard


@dataclass(frozen=True, eq=False)
class Transcribed:
    """Holds what every transcriber made of a piece.

    Attributes:
      ensemble: who plays, see `mt3synth.evaluation.metrics.ensembles.name_ensemble`.
      by: transcriber, by its name.
      failures: what became of the others.
    """

    ensemble: str
    by: dict[str, Judged] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def measure(piece: HeardPiece, kind: str, evaluators: Evaluators) -> Transcribed | None:
    """Transcribes a piece whose notes are known; one transcriber that fails leaves the others."""
    if piece.notes is None or not evaluators.transcribers:
        return None
    found = Transcribed(name_ensemble(piece.notes))
    for name, transcribe in evaluators.transcribers.items():
        try:
            estimated = transcribe(piece.audio[kind], evaluators.mel.sample_rate)
        except UserError as error:
            found.failures.append(str(error))
        except Exception as error:  # one of the user's may fail in any way, on some audio only
            found.failures.append(f"the transcriber {name} failed: {error!r}")
        else:
            heard = Heard.of(piece.notes, estimated)
            found.by[name] = Judged(count_all(piece.notes, estimated), heard)
    return found


def note_failures(metric: str, found: Measurements) -> None:
    """Adds the transcribers that failed to the problems of ``found``."""
    for piece in found.pieces:
        for kind, value in piece.values.get(metric, {}).items():
            for reason in value.failures:
                item = f"{piece.name} ({kind})"
                found.problems.append(Problem(item, " ".join(reason.split())))


def aggregate(found: Measurements, evaluators: Evaluators) -> Figures:
    """Takes F1 in every way and kind over all pieces, by each transcriber.

    Of notes by performance and by ensemble, too.
    """
    note_failures(NAME, found)
    figures: Figures = {}
    for judge in evaluators.transcribers:
        pieces = [p for p in found.pieces if any(_by(p, judge))]
        if pieces:
            figures[judge] = _judge(judge, pieces, evaluators.seed)
    return figures


def tables(figures: Figures, report: Figures) -> list[Table]:
    """Shows note F1 with a column for each judge, by ensemble too, then each judge's own tables."""
    judges = list(figures)
    most = max(part["pieces"] for part in figures.values())
    note = (
        f"Note F1, precision and recall of {most} pieces, counts pooled; the last rows are ratios"
        " of F1 over the pieces that have both."
    )
    columns = [name for judge in judges for name in (judge, "precision", "recall")]
    rows = _side_by_side("", [figures[j]["scores"]["note"] for j in judges])
    made = [Table("Notes found again", ("", *columns), tuple(rows), note)]
    rows = []
    for ensemble in ENSEMBLES:
        parts = [figures[judge]["by_ensemble"].get(ensemble, {}) for judge in judges]
        if any(parts):
            pieces = max(part.get("pieces", 0) for part in parts)
            rows += _side_by_side(f"{ensemble} ({pieces}): ", parts)
    made.append(
        Table("Notes found again by ensemble", ("", *columns), tuple(rows), _ENSEMBLES_NOTE)
    )
    for judge, part in figures.items():
        made += _own_tables(judge, part)
    return made


def score_rows(figures: Figures) -> Iterable[ScoreRow]:
    """Gives every F1, and of notes precision and recall, too."""
    for judge, of_judge in figures.items():
        for counter, part in of_judge["scores"].items():
            yield from _scores(f"{counter} {{}}, {judge}", part)
        for ensemble, part in of_judge["by_ensemble"].items():
            yield from _scores(f"note {{}}, {judge}, {ensemble}", part)


_ENSEMBLES_NOTE = "By who plays: families of General MIDI; other is any mixture, and whatever else."


def _judge(judge: str, pieces: Sequence[Measured], seed: int) -> Figures:
    """Sums up what one transcriber heard."""
    heard = Heard.pooled([value.heard for p in pieces for value in _by(p, judge)])
    by_performance: dict[str, list[Measured]] = {}
    by_ensemble: dict[str, list[Measured]] = {name: [] for name in ENSEMBLES}
    for piece in pieces:
        by_performance.setdefault(piece.performance, []).append(piece)
        by_ensemble[next(iter(piece.values[NAME].values())).ensemble].append(piece)
    grouped = {
        "by_performance": dict(sorted(by_performance.items())),
        "by_ensemble": {name: own for name, own in by_ensemble.items() if own},
    }
    return {
        "pieces": len(pieces),
        "left_out": heard.void,
        "scores": {
            counter: _figures(pieces, judge, counter, seed)
            for counter in COUNTERS
            if counter not in heard.void
        },
        **{
            how: {
                name: {"pieces": len(own), **_figures(own, judge, "note", seed)}
                for name, own in groups.items()
            }
            for how, groups in grouped.items()
        },
    }


def _figures(pieces: Sequence[Measured], judge: str, counter: str, seed: int) -> Figures:
    """Sums up each kind, and takes ratios to real audio and to it vocoded, over the same pieces."""

    def f1(kind: str) -> Callable[[Sequence[Measured]], float]:
        return lambda chosen: _pooled(chosen, judge, kind, counter).f1

    def having(*kinds: str) -> list[Measured]:
        return [
            p for p in pieces if all(k in p.values[NAME] and judge in _of(p, k).by for k in kinds)
        ]

    figures: Figures = {}
    for kind in KINDS:
        if own := having(kind):
            figures[kind] = {
                **_pooled(own, judge, kind, counter).figures(),
                "pieces": len(own),
                "interval": bootstrap_interval(own, f1(kind), seed),
            }
    for kind, best in _RATIOS:
        # Over the same pieces, or a ratio would compare easy ones with hard ones.
        if both := having(kind, best):

            def ratio(chosen: Sequence[Measured], kind: str = kind, best: str = best) -> float:
                most = f1(best)(chosen)
                return f1(kind)(chosen) / most if most else float("nan")

            figures[f"{kind}_over_{best}"] = {
                "ratio": ratio(both),
                "pieces": len(both),
                "interval": bootstrap_interval(both, ratio, seed),
            }
    return figures


_RATIOS = (("generated", "vocoded"), ("generated", "real"), ("vocoded", "real"))


def _of(piece: Measured, kind: str) -> Transcribed:
    found: Transcribed = piece.values[NAME][kind]
    return found


def _by(piece: Measured, judge: str) -> list[Judged]:
    """Lists what one transcriber made of a piece, kind by kind."""
    found: Iterable[Transcribed] = piece.values.get(NAME, {}).values()
    return [value.by[judge] for value in found if judge in value.by]


def _pooled(pieces: Sequence[Measured], judge: str, kind: str, counter: str) -> NoteCounts:
    return pooled(_of(p, kind).by[judge].counts[counter] for p in pieces)


def _numbers(value: Transcribed, figures: Figures) -> dict[str, float]:
    """Gives counts, precision, recall and F1 of a piece, in each way that says anything."""
    return {
        f"{counter}: {key}, {judge}": figure
        for judge, found in value.by.items()
        for counter in figures.get(judge, {}).get("scores", {})
        for key, figure in found.counts[counter].figures().items()
    }


def _side_by_side(label: str, parts: Sequence[Figures]) -> list[tuple[str, ...]]:
    """Makes a row for each kind and ratio that any judge has, three columns for each judge."""
    rows = []
    for kind in KINDS:
        if any(kind in part for part in parts):
            cells = [
                cell
                for part in parts
                for cell in (
                    _f1(part, kind),
                    *(number(part.get(kind, {}).get(n)) for n in ("precision", "recall")),
                )
            ]
            rows.append((f"{label}{LABELS[kind]}", *cells))
    for kind, best in _RATIOS:
        if any(f"{kind}_over_{best}" in part for part in parts):
            cells = [cell for part in parts for cell in (_ratio(part, kind, best), "", "")]
            rows.append((f"{label}{kind} / {best}", *cells))
    return rows


def _own_tables(judge: str, part: Figures) -> list[Table]:
    """Shows every way of counting of one judge, and its note F1 of each performance."""
    note = f"Heard in {part['pieces']} pieces, counts pooled."
    for counter, reason in part["left_out"].items():
        note += f" No {counter}: {reason}."
    labels = tuple(LABELS[kind] for kind in KINDS)
    rows = tuple((name, *_cells(of)) for name, of in part["scores"].items())
    columns = ("F1", *labels, "generated / vocoded")
    made = [Table(f"Every count by {judge}", columns, rows, note)]
    if len(part["by_performance"]) > 1:
        rows = tuple(
            (name, *_cells(of), *_shares(of), f"{of['pieces']}")
            for name, of in part["by_performance"].items()
        )
        columns = ("note F1", *labels, "generated / vocoded", "precision", "recall", "found")
        note = "Precision, recall and notes found are those of what was generated."
        heading = f"Notes found again by performance, {judge}"
        made.append(Table(heading, (*columns, "pieces"), rows, note))
    return made


def _cells(part: Figures) -> tuple[str, ...]:
    """Formats F1 of every kind and their ratio for a table."""
    return *(_f1(part, kind) for kind in KINDS), _ratio(part, "generated", "vocoded")


def _f1(part: Figures, kind: str) -> str:
    return with_interval(part[kind]["f1"], part[kind]["interval"]) if kind in part else "–"


def _ratio(part: Figures, kind: str, best: str) -> str:
    ratio = part.get(f"{kind}_over_{best}")
    return "–" if ratio is None else with_interval(ratio["ratio"], ratio["interval"])


def _shares(part: Figures) -> tuple[str, ...]:
    """Formats precision, recall and count of what was generated for a table."""
    if "generated" not in part:
        return "–", "–", "–"
    of = part["generated"]
    found = f"{of['matched']} of {of['reference']}"
    return number(of["precision"]), number(of["recall"]), found


def _scores(name: str, part: Figures) -> Iterable[ScoreRow]:
    """Gives F1, precision and recall of every kind; ``name`` has a place for which."""
    for kind in KINDS:
        if kind in part:
            yield name.format("f1"), kind, part[kind]["f1"], *part[kind]["interval"]
            for share in ("precision", "recall"):
                yield name.format(share), kind, part[kind][share], "", ""


NOTES = Metric(
    NAME, aggregate, tables, score_rows, measure, piece_rows=rows_of_pieces(NAME, _numbers)
)
