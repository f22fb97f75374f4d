"""Measures how much louder music becomes when its notes are played harder.

Two measures. The *slope*: by how many dB the 100 ms after an onset are louder for each step of MIDI
velocity, by least squares over all onsets of all pieces. The *range*: by how many dB a piece is
louder at one velocity than at another, where the same notes were rendered twice, each time all at
one velocity. What is right is what the real recordings of the same notes do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mt3synth.evaluation.evaluation_set import KINDS, LABELS
from mt3synth.evaluation.metrics.bootstrap import bootstrap_interval
from mt3synth.evaluation.metrics.metric import (
    Evaluators,
    Figures,
    HeardPiece,
    Measured,
    Measurements,
    Metric,
    ScoreRow,
    mean_with_interval,
    rows_of_pieces,
)
from mt3synth.reporting.tables import Table, number, with_interval
from mt3synth.symbolic.notes import Notes
from mt3synth.types import Float

NAME = "dynamics"

# Fingers of one chord fall up to some 30 ms apart, and their attacks are heard as one.
_CHORD_S = 0.03
# Long enough for the attack of slow instruments, short enough that most next notes have not begun.
_LISTEN_S = 0.1


def level_db(audio: Float[np.ndarray, " S"]) -> float:
    """Measures the root mean square of the whole audio in dB re full scale (1.0).

    Raises:
      ValueError: the audio is empty or digitally silent, so that it has no level.
    """
    power = float(np.mean(np.square(audio, dtype=np.float64))) if len(audio) else 0.0
    if power <= 0:
        raise ValueError(f"{len(audio)} samples of silence have no level")
    return 10 * float(np.log10(power))


def at_velocity(notes: Notes, velocity: int) -> Notes:
    """Returns the same notes, all at one velocity.

    Raises:
      ValueError: ``velocity`` outside 1..127.
    """
    return notes.replace(velocity=np.full(len(notes), velocity))


@dataclass(frozen=True)
class OnsetLevels:
    """Holds levels just after the onsets of a recording, and how hard the notes there are played.

    Attributes:
      velocity: mean velocity of the notes that begin there, about the recording's mean ``[n]``.
      level: dB, about the recording's mean ``[n]``.
    """

    velocity: Float[np.ndarray, " n"]
    level: Float[np.ndarray, " n"]


def onset_levels(audio: Float[np.ndarray, " S"], sample_rate: int, notes: Notes) -> OnsetLevels:
    """Measures the 100 ms from each onset on; notes within 30 ms of each other are one onset.

    Onsets where nothing at all sounds are left out: their level is not finite.
    """
    order = np.argsort(notes.start, kind="stable")
    start, velocity = notes.start[order], notes.velocity[order].astype(float)
    chords = np.split(np.arange(len(start)), np.flatnonzero(np.diff(start) > _CHORD_S) + 1)
    rows = []
    for part in chords if len(start) else ():
        first = round(float(start[part[0]]) * sample_rate)
        heard = audio[first : first + round(_LISTEN_S * sample_rate)]
        if np.any(heard):
            rows.append((float(velocity[part].mean()), level_db(heard)))
    both = np.array(rows).reshape(-1, 2)
    both = both - both.mean(axis=0) if len(both) else both
    return OnsetLevels(velocity=both[:, 0], level=both[:, 1])


def level_slope(recordings: Sequence[OnsetLevels]) -> float:
    """Fits by how many dB the level rises with each step of velocity, over all onsets.

    Each recording is taken about its own mean, so that a louder one does not count as played
    harder. Not a number where velocity never varies.
    """
    velocity = np.concatenate([r.velocity for r in recordings])
    level = np.concatenate([r.level for r in recordings])
    spread = float(velocity @ velocity)
    return float(velocity @ level) / spread if spread > 0 else float("nan")


@dataclass(frozen=True, eq=False)
class Dynamics:
    """Says how loud a piece is.

    Attributes:
      onsets: levels after onsets.
      level: of the whole, dB re full scale.
      velocity: of all notes; None where they differ.
      score: stands for the notes without their velocities.
    """

    onsets: OnsetLevels
    level: float
    velocity: int | None
    score: str


def measure(piece: HeardPiece, kind: str, evaluators: Evaluators) -> Dynamics | None:
    """Measures a piece whose notes are known."""
    if piece.notes is None or not len(piece.notes):
        return None
    notes, audio = piece.notes, piece.audio[kind]
    columns = (notes.start, notes.end, notes.pitch, notes.program, notes.is_drum)
    first = int(notes.velocity[0])
    return Dynamics(
        onsets=onset_levels(audio, evaluators.mel.sample_rate, notes),
        level=level_db(audio),
        velocity=first if np.all(notes.velocity == first) else None,
        score=hashlib.sha256(b"".join(c.tobytes() for c in columns)).hexdigest(),
    )


def aggregate(found: Measurements, evaluators: Evaluators) -> Figures:
    """Fits the slope over all pieces, and averages the range over pairs of pieces."""
    figures: Figures = {}
    for kind in KINDS:
        # Of a piece at one velocity nothing can be fitted, and it would only widen the interval.
        having = [v.onsets for v in found.values(NAME, kind) if v.onsets.velocity.any()]
        slope = level_slope(having) if having else float("nan")
        if np.isfinite(slope):
            figures.setdefault("slope", {})[kind] = {
                "db_per_step": slope,
                "pieces": len(having),
                "onsets": sum(len(levels.level) for levels in having),
                "interval": bootstrap_interval(having, level_slope, evaluators.seed),
            }
        pairs = _pairs(found, kind)
        if pairs:
            figures.setdefault("range", {})[kind] = {
                **mean_with_interval([pair["db"] for pair in pairs], evaluators.seed),
                "by_pair": pairs,
            }
    return figures


def tables(figures: Figures, report: Figures) -> list[Table]:
    """Shows slope and range of each kind."""
    made = []
    if "slope" in figures:
        slopes = tuple(
            (LABELS[kind], with_interval(p["db_per_step"], p["interval"]), f"{p['onsets']}")
            for kind, p in figures["slope"].items()
        )
        note = "How many dB the 100 ms after an onset gain with each step of MIDI velocity."
        made.append(Table("Level against velocity", ("", "dB per step", "onsets"), slopes, note))
    if "range" in figures:
        of = figures["range"]
        rows = []
        for kind, part in of.items():
            share = number(part["value"] / of["real"]["value"] if of.get("real") else None, 2)
            louder = with_interval(part["value"], part["interval"], 1)
            rows.append((LABELS[kind], louder, share, f"{len(part['by_pair'])}"))
        pairs = [pair for part in of.values() for pair in part["by_pair"]]
        velocities = sorted({tuple(pair["velocities"]) for pair in pairs})
        said = ", ".join(f"{soft} to {loud}" for soft, loud in velocities)
        columns = ("", "dB louder", "of the real difference", "pairs")
        note = "How much louder the same notes are when all are played at the greater velocity."
        made.append(Table(f"Level from velocity {said}", columns, tuple(rows), note))
    return made


def score_rows(figures: Figures) -> Iterable[ScoreRow]:
    """Gives slope and range of each kind."""
    for kind, part in figures.get("slope", {}).items():
        yield "level_db_per_velocity_step", kind, part["db_per_step"], *part["interval"]
    for kind, part in figures.get("range", {}).items():
        yield "level_range_db", kind, part["value"], *part["interval"]


def _pairs(found: Measurements, kind: str) -> list[Figures]:
    """Compares the softest with the loudest of pieces that differ in nothing but a velocity."""
    # Only pieces for the same metrics are alike: others may have been written at another gain.
    alike: dict[tuple[Any, ...], list[tuple[Measured, Dynamics]]] = {}
    for piece in found.pieces:
        value: Dynamics | None = piece.values.get(NAME, {}).get(kind)
        if value is not None and value.velocity is not None:
            key = (piece.performance, piece.metrics, value.score)
            alike.setdefault(key, []).append((piece, value))
    pairs = []
    for group in alike.values():
        (_, soft), (loud_piece, loud) = (
            choose(group, key=lambda pair: pair[1].velocity or 0) for choose in (min, max)
        )
        if soft.velocity != loud.velocity:
            pair = {"item": loud_piece.name, "performance": loud_piece.performance}
            velocities = [soft.velocity, loud.velocity]
            pairs.append({**pair, "velocities": velocities, "db": loud.level - soft.level})
    return pairs


DYNAMICS = Metric(
    NAME,
    aggregate,
    tables,
    score_rows,
    measure,
    piece_rows=rows_of_pieces(NAME, lambda value, figures: {"level, dB": value.level}),
)
