"""How thin music sounds: pieces of one instrument group and one velocity, one note at a time.

Dense music hides what is missing in it; a tune hides nothing. Each figure of a rendering stands
against the same figure of the real rendering of the same notes:

``level``    dB of each note while it is down (of a drum's first 250 ms), less the real note's
``held``     the same of each eighth of a note of 3 s or more: whether it lives as long as the key
``rests``    dB where nothing is to sound, from 250 ms after each note on, less the real rests'
``start``    loudest sample of the first 60 ms against the loudest after it, in dB
``note F1``  notes that the transcriber finds again, see `mt3synth.evaluation.metrics.notes`

Levels of notes and rests are root mean squares, and none counts as lower than 60 dB below the real
rendering's loudest note: what nobody hears is no difference. A piece's level is the mean over its
notes of their differences in dB, so that a lost note is not made good by a loud one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from mt3synth.evaluation.evaluation_set import KINDS
from mt3synth.evaluation.metrics import notes as notes_metric
from mt3synth.evaluation.metrics.metric import (
    Evaluators,
    Figures,
    HeardPiece,
    Measured,
    Measurements,
    Metric,
    ScoreRow,
    mean,
    rows_of_pieces,
)
from mt3synth.evaluation.metrics.note_counts import NoteCounts, pooled
from mt3synth.reporting.tables import Table, number
from mt3synth.symbolic.group_seconds import DRUMS
from mt3synth.symbolic.groups import DEFAULT_GROUPS, program_table
from mt3synth.symbolic.notes import Notes
from mt3synth.types import Float, FloatND

NAME = "thin"
HITS = {36: "kick", 38: "snare", 42: "closed hi-hat", 49: "crash", 51: "ride"}
"""Percussion keys of General MIDI that a table names."""
START_S = 0.06
HELD_S = 3.0
EIGHTHS = 8

_HIT_S = 0.25
_RING_S = 0.25  # a release is no silence yet
_SHORTEST_REST_S = 0.1
_RANGE_DB = 60.0
_SILENCE_DB = -200.0  # stands for no sound at all, below what any file can hold
_TOGETHER_S = 0.02  # notes that touch may overlap by rounding to MIDI's ticks


@dataclass(frozen=True, eq=False)
class ThinLevels:
    """What is heard of a piece of thin music.

    Attributes:
      group: name of the instrument group, or `DRUMS`.
      velocity: of all notes.
      keys: pitch or percussion key of each note ``[n]``.
      notes: level of each, dB re full scale ``[n]``.
      held: level of each eighth of each long note, dB re full scale ``[h 8]``.
      rests: level of all rests together, dB re full scale ``[1]``; ``[0]`` without a rest.
      start: loudest sample of the first 60 ms against the loudest after it, dB.
      counts: of notes found again, by transcriber; none of drums.
      failures: of transcribers.
    """

    group: str
    velocity: int
    keys: np.ndarray
    notes: Float[np.ndarray, " n"]
    held: Float[np.ndarray, "h 8"]
    rests: Float[np.ndarray, " r"]
    start: float
    counts: dict[str, NoteCounts] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def group_of(notes: Notes) -> str | None:
    """Names the instrument group of thin music; None for any other music."""
    if not len(notes) or np.ptp(notes.velocity):
        return None
    ordered = notes.sorted()
    if np.any(ordered.start[1:] < ordered.end[:-1] - _TOGETHER_S):
        return None
    groups = set(np.where(notes.is_drum, -1, _group_table()[notes.program]).tolist())
    if len(groups) > 1:
        return None
    (group,) = groups
    return DRUMS if group < 0 else DEFAULT_GROUPS[group].name


def start_db(audio: FloatND, sample_rate: int) -> float:
    """Compares the loudest sample of the first 60 ms with the loudest after it, in dB."""
    first = round(START_S * sample_rate)
    loudest = [float(np.max(np.abs(part), initial=0)) for part in (audio[:first], audio[first:])]
    early, late = (20 * np.log10(max(sample, 1e-10)) for sample in loudest)
    return float(early - late)


def measure_levels(audio: FloatND, sample_rate: int, notes: Notes) -> ThinLevels | None:
    """Measures thin music; None if the notes are any other music.

    Args:
      audio: ``[S]``.
      sample_rate: of it, in samples per second.
      notes: that were to be played.
    """
    group = group_of(notes)
    if group is None:
        return None
    notes = notes.sorted()
    # Summed up once, so that any number of stretches costs one pass over the audio.
    total = np.concatenate([[0.0], np.cumsum(np.square(audio, dtype=np.float64))])
    last = len(audio) / sample_rate
    ends = np.where(notes.is_drum, notes.start + _HIT_S, notes.end)

    def levels(start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Measures each stretch from ``start`` to ``end`` seconds, in dB."""
        first, after = (
            np.clip(np.round(t * sample_rate).astype(int), 0, len(audio)) for t in (start, end)
        )
        return _decibels((total[after] - total[first]) / np.maximum(after - first, 1))

    long = ~notes.is_drum & (notes.end - notes.start >= HELD_S)
    edges = np.linspace(notes.start[long], notes.end[long], EIGHTHS + 1, axis=1)
    rests = np.stack([np.append(0, ends + _RING_S), np.append(notes.start, last)])
    rests = rests[:, rests[1] - rests[0] >= _SHORTEST_REST_S]
    # By length, or many short gaps would outweigh the one long rest in which a hiss is heard.
    lengths = rests[1] - rests[0]
    power = lengths @ 10 ** (levels(*rests) / 10)
    return ThinLevels(
        group=group,
        velocity=int(notes.velocity[0]),
        keys=notes.pitch,
        notes=levels(notes.start, ends),
        held=levels(edges[:, :-1], edges[:, 1:]),
        rests=_decibels(power / lengths.sum(keepdims=True)) if len(lengths) else np.zeros(0),
        start=start_db(audio, sample_rate),
    )


def measure(piece: HeardPiece, kind: str, evaluators: Evaluators) -> ThinLevels | None:
    """Measures a piece of thin music whose notes are known."""
    if piece.notes is None:
        return None
    heard = measure_levels(piece.audio[kind], evaluators.mel.sample_rate, piece.notes)
    if heard is None or heard.group == DRUMS:
        return heard
    found = notes_metric.measure(piece, kind, evaluators)
    if found is None:
        return heard
    counts = {judge: judged.counts["note"] for judge, judged in found.by.items()}
    return replace(heard, counts=counts, failures=found.failures)


def aggregate(found: Measurements, evaluators: Evaluators) -> Figures:
    """Compares every kind with the real rendering, by performance and group."""
    notes_metric.note_failures(NAME, found)
    parts: dict[str, dict[str, list[Measured]]] = {}
    order = [*(group.name for group in DEFAULT_GROUPS), DRUMS]
    for piece in sorted(
        (p for p in found.pieces if p.values.get(NAME)), key=lambda p: order.index(_group(p))
    ):
        parts.setdefault(piece.performance, {}).setdefault(_group(piece), []).append(piece)
    return {
        performance: {
            group: {
                kind: _compare(having, kind)
                for kind in KINDS
                if (having := [p for p in pieces if kind in p.values[NAME]])
            }
            for group, pieces in groups.items()
        }
        for performance, groups in sorted(parts.items())
    }


def tables(figures: Figures, report: Figures) -> list[Table]:
    """Shows each performance by group, with the worst of each column; and drums by hit."""
    made = []
    for performance, groups in figures.items():
        velocities = _velocities(groups.values())
        judges = _judges(groups.values())
        columns = [
            *((f"level at {v}", 1, _farthest) for v in velocities),
            *_COLUMNS,
            *(column for judge in judges for column in _judge_columns(judge)),
        ]
        rows = {group: _row(part, velocities, judges) for group, part in groups.items()}
        if len(rows) > 1:
            worst = [choose(column) for (*_, choose), column in zip(columns, zip(*rows.values()))]
            rows["worst"] = worst
        cells = tuple(
            (group, *(number(value, digits) for value, (_, digits, _) in zip(row, columns)))
            for group, row in rows.items()
        )
        names = ("group", *(name for name, *_ in columns))
        made.append(Table(f"Thin music, {performance}", names, cells, _NOTE))
        hits = groups.get(DRUMS, {}).get("generated", {}).get("hits_db", {})
        if hits:
            cells = tuple(
                (hit, *(number(by_velocity.get(v), 1) for v in velocities))
                for hit, by_velocity in hits.items()
            )
            names = ("hit", *(f"level at {v}" for v in velocities))
            made.append(Table(f"Single drum hits, {performance}", names, cells, _HITS_NOTE))
    return made


def score_rows(figures: Figures) -> Iterable[ScoreRow]:
    """Gives the figures of every performance and group."""
    for performance, groups in figures.items():
        for group, part in groups.items():
            for kind, of in part.items():
                named = {f"level_db velocity {v}": db for v, db in of.get("level_db", {}).items()}
                named |= {name: of[name] for name in _SINGLE if of.get(name) is not None}
                named |= {f"f1 {judge}": f1 for judge, f1 in of.get("f1", {}).items()}
                for name, value in named.items():
                    yield f"thin {performance} {group} {name}", kind, value, "", ""


def _numbers(value: ThinLevels, figures: Figures) -> dict[str, float]:
    """Gives level, start, rests and F1 of a piece as they are, not compared."""
    row = {"thin: level, dB": mean(value.notes), "thin: start, dB": value.start}
    if len(value.rests):
        row["thin: rests, dB"] = mean(value.rests)
    return row | {f"thin: note f1, {judge}": of.f1 for judge, of in value.counts.items()}


_SINGLE = ("farthest_note_db", "held_db", "start_db", "bursts", "rests_db")
_NOTE = (
    "Decibels of what was generated, less the real rendering's: the mean over notes by velocity,"
    " the note farthest off, the eighth of a held note farthest off, the piece whose rests are."
    " Start: loudest sample of the first 60 ms against the loudest after it, in the worst piece."
    " Ratio: note F1 of what was generated to that of real, vocoded."
)
_HITS_NOTE = "Decibels of the 250 ms from each hit, less the real rendering's."


def _compare(pieces: Sequence[Measured], kind: str) -> Figures:
    """Sums up the pieces of one group in one performance."""
    own: list[ThinLevels] = [p.values[NAME][kind] for p in pieces]
    reals: list[ThinLevels | None] = [p.values[NAME].get("real") for p in pieces]
    pairs = [(value, real) for value, real in zip(own, reals) if real is not None]
    figures: Figures = {
        "pieces": len(own),
        "start_db": max(value.start for value in own),
        # A piece may rightly begin with its loudest sound, if the real one does.
        "bursts": sum(
            v.start > 0 and (real is None or real.start <= 0) for v, real in zip(own, reals)
        ),
    }
    judges = dict.fromkeys(judge for value in own for judge in value.counts)
    if judges:
        figures["f1"] = {
            judge: pooled(value.counts[judge] for value in own if judge in value.counts).f1
            for judge in judges
        }
    if kind == "real" or not pairs:
        return figures
    by_velocity: dict[int, list[np.ndarray]] = {}
    hits: dict[str, dict[int, list[np.ndarray]]] = {}
    held, rests = [], []
    for value, real in pairs:
        differences = _difference(value.notes, real.notes, real)
        by_velocity.setdefault(value.velocity, []).append(differences)
        held.append(_difference(value.held, real.held, real).ravel())
        rests.append(_difference(value.rests, real.rests, real))
        for key, name in HITS.items() if value.group == DRUMS else ():
            if np.any(value.keys == key):
                of = hits.setdefault(name, {}).setdefault(value.velocity, [])
                of.append(differences[value.keys == key])
    every = np.concatenate([part for parts in by_velocity.values() for part in parts])
    figures |= {
        "level_db": _means(by_velocity),
        "farthest_note_db": _farthest(every),
        "held_db": _farthest(np.concatenate(held)),
        "rests_db": _farthest(np.concatenate(rests)),
    }
    return figures | ({"hits_db": {n: _means(v) for n, v in hits.items()}} if hits else {})


def _difference(ours: FloatND, theirs: FloatND, real: ThinLevels) -> FloatND:
    """Takes levels from levels, none of them lower than what can be heard beside the real notes."""
    floor = real.notes.max() - _RANGE_DB
    return np.maximum(ours, floor) - np.maximum(theirs, floor)


def _row(part: Figures, velocities: Sequence[str], judges: Sequence[str]) -> list[float | None]:
    """Lists the figures of one group: levels by velocity, `_COLUMNS`, then those of each judge."""
    ours, vocoded, real = (part.get(kind, {}) for kind in ("generated", "vocoded", "real"))
    heard: list[float | None] = []
    for judge in judges:
        f1, best = (kind.get("f1", {}).get(judge) for kind in (ours, vocoded))
        heard += [f1, best, f1 / best if f1 is not None and best else None]
    return [
        *(ours.get("level_db", {}).get(v) for v in velocities),
        *(ours.get(name) for name in ("farthest_note_db", "held_db", "start_db")),
        real.get("start_db"),
        ours.get("rests_db"),
        *heard,
    ]


def _means(by_velocity: Mapping[int, Sequence[np.ndarray]]) -> dict[str, float]:
    """Averages by velocity, named as JSON names keys."""
    return {str(v): mean(np.concatenate(by_velocity[v])) for v in sorted(by_velocity)}


def _velocities(groups: Iterable[Figures]) -> list[str]:
    named = {v for part in groups for of in part.values() for v in of.get("level_db", {})}
    return sorted(named, key=int)


def _judges(groups: Iterable[Figures]) -> list[str]:
    """Names the transcribers that heard anything, each once."""
    kinds = [of for part in groups for of in part.values()]
    return list(dict.fromkeys(judge for of in kinds for judge in of.get("f1", {})))


def _chooser(key: Callable[[float], float]) -> Callable[[Iterable[float | None]], float | None]:
    """Makes a function that takes the number for which ``key`` is greatest, None without any."""
    return lambda values: max((float(v) for v in values if v is not None), key=key, default=None)


_farthest, _highest, _lowest = _chooser(abs), _chooser(lambda v: v), _chooser(lambda v: -v)

_COLUMNS = (
    ("farthest note", 1, _farthest),
    ("held", 1, _farthest),
    ("start", 1, _highest),
    ("real start", 1, _highest),
    ("rests", 1, _farthest),
)
"""Heading, digits after the point, and which of all groups is the worst."""


def _judge_columns(judge: str) -> Iterable[tuple[str, int, Callable[..., float | None]]]:
    """Gives the columns of one transcriber, laid out like `_COLUMNS`."""
    return (
        (f"note F1, {judge}", 3, _lowest),
        ("vocoded", 3, _lowest),
        ("ratio", 2, _lowest),
    )


def _group(piece: Measured) -> str:
    return next(iter(piece.values[NAME].values())).group


def _decibels(power: FloatND) -> FloatND:
    return 10 * np.log10(np.maximum(power, 10 ** (_SILENCE_DB / 10)))


@lru_cache(maxsize=1)
def _group_table() -> np.ndarray:
    return program_table(DEFAULT_GROUPS)


THIN = Metric(
    NAME, aggregate, tables, score_rows, measure, piece_rows=rows_of_pieces(NAME, _numbers)
)
