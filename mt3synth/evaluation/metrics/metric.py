"""Defines what a metric is, and what it is given.

A metric is one file of this folder: its definition and citation on top, then plain functions, and
at the end a `Metric` that names them. `mt3synth.evaluation.metrics.registry` lists all of them;
whatever measures, sums up or writes a report is a loop over that list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mt3synth.audio.mel import MelSpec
from mt3synth.evaluation.caching import CachedVocoder
from mt3synth.evaluation.embeddings.base import Embedding
from mt3synth.evaluation.embeddings.cache import EmbeddingCache
from mt3synth.evaluation.embeddings.gaussian import Shrinkage
from mt3synth.evaluation.embeddings.store import EmbeddingStore
from mt3synth.evaluation.evaluation_set import COMPARED, Problem, Recording, Seams, Sound
from mt3synth.evaluation.metrics.bootstrap import bootstrap_interval
from mt3synth.reporting.tables import Table
from mt3synth.symbolic.notes import Notes
from mt3synth.transcription.transcriber import Transcriber
from mt3synth.types import Float, FloatND

Figures = dict[str, Any]
"""Numbers, texts, lists and dictionaries that JSON can hold."""

ScoreRow = tuple[str, str, float, float | str, float | str]
"""A row of ``scores.csv``: what is measured, kind, value, lower and upper bound (or nothing)."""

PieceRow = tuple[str, str, str, str, float | int]
"""A row of ``pieces.csv``: piece, kind, performance, what is measured, value."""

RECORDING = "recording"
"""Beside the kinds: the recordings by which performances are known."""


@dataclass(frozen=True, eq=False)
class Evaluators:
    """Holds everything that measures, and its settings.

    Attributes:
      mel: the frames, and the sample rate at which audio is heard.
      embedding: of audio.
      cache: of embeddings.
      vocoder: for the vocoded real audio.
      transcribers: hear notes, each under its name in reports; without any notes are left out.
      seed: of every random choice.
      shrinkage: of covariances, see `mt3synth.evaluation.embeddings.gaussian.Gaussian.covariance`.
    """

    mel: MelSpec
    embedding: Embedding
    cache: EmbeddingCache
    vocoder: CachedVocoder
    transcribers: Mapping[str, Transcriber]
    seed: int
    shrinkage: Shrinkage = None

    def embed(
        self, sound: Sound | FloatND, embedding: Embedding | None = None
    ) -> Float[FloatND, "N D"]:
        """Embeds a sound, or takes its embeddings from the cache.

        Raises:
          EmbeddingError: silent, or too short for one embedding.
          AudioError: it cannot be read.
        """
        embedding = embedding or self.embedding
        if isinstance(sound, Path):  # known by its bytes, so that nothing has to be decoded
            return self.cache.of_file(sound, embedding)
        audio = sound if isinstance(sound, np.ndarray) else sound()
        return self.cache.of_audio(audio, self.mel.sample_rate, embedding)


@dataclass(frozen=True, eq=False)
class HeardPiece:
    """Holds a piece as a metric gets it: read, and vocoded.

    Attributes:
      audio: ``[S]`` by kind, those of `mt3synth.evaluation.evaluation_set.COMPARED` that there are;
        what was generated is no longer than the real recording.
      notes: those that were to be played, if they are known.
      seams: where segments of the rendering meet, if it is known.
    """

    audio: Mapping[str, FloatND]
    notes: Notes | None = None
    seams: Seams | None = None


@dataclass(eq=False)
class Measured:
    """Holds what was measured of a piece or a recording.

    Attributes:
      name, performance, wall_seconds, metrics: see `mt3synth.evaluation.evaluation_set.Piece`.
      seconds: length of the audio, by kind.
      vocoder_seconds: wall time for the vocoded audio.
      values: what `Metric.measure` returned, by the metric's name and by kind.
    """

    name: str
    performance: str
    wall_seconds: float | None = None
    metrics: frozenset[str] | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    vocoder_seconds: float | None = None
    values: dict[str, dict[str, Any]] = field(default_factory=dict)

    def takes(self, metric: str) -> bool:
        """Tells whether a metric is to measure this."""
        return self.metrics is None or metric in self.metrics


@dataclass(eq=False)
class Measurements:
    """Holds everything that was measured, ready to be summed up.

    Attributes:
      pieces: those of which something could be measured.
      held_out: likewise the held-out recordings, of kinds "vocoded" and "real".
      recordings: likewise those by which performances are known, of kind `RECORDING`.
      embeddings: of every item in each kind, under `embedding_key`.
      performances: by key of the embeddings.
      problems: what could not be measured.
    """

    embeddings: EmbeddingStore
    problems: list[Problem]
    pieces: list[Measured] = field(default_factory=list)
    held_out: list[Measured] = field(default_factory=list)
    recordings: list[Measured] = field(default_factory=list)
    performances: dict[str, str] = field(default_factory=dict)

    def values(self, metric: str, kind: str) -> list[Any]:
        """Lists what a metric measured of the pieces in one kind."""
        return [p.values[metric][kind] for p in self.pieces if kind in p.values.get(metric, {})]

    def by_kind(self, metric: str) -> dict[str, list[Any]]:
        """Lists what a metric measured of the pieces, by kind; without kinds that have nothing."""
        return {kind: found for kind in COMPARED if (found := self.values(metric, kind))}


def embedding_key(kind: str, item: str) -> str:
    """Names the embeddings of an item."""
    return f"{kind}: {item}"


@dataclass(frozen=True)
class Metric:
    """One metric: how it is measured, summed up and shown.

        CREST = Metric("crest", aggregate, tables, rows, measure)

    docs/extending.md has all of that one.

    Attributes:
      name: its key in ``report.json``.
      aggregate: sums up what was measured; empty where there is nothing to say.
      tables: from its figures and the whole report to what the page and the terminal show.
      rows: from its figures to rows of ``scores.csv``.
      measure: measures a piece in one kind; None where this piece says nothing. A `ValueError` is
        listed as a problem of the piece. Without it the metric is all in ``aggregate``.
      measure_recording: measures a recording by which its performance is known; held-out recordings
        are then measured, too, by ``measure``.
      piece_rows: from the measurements and its figures to rows of ``pieces.csv``.
      hears_level: whether it measures what was generated at the real recording's level as well,
        kind `mt3synth.evaluation.evaluation_set.MATCHED`, as a plain gain would change the figure.
    """

    name: str
    aggregate: Callable[[Measurements, Evaluators], Figures]
    tables: Callable[[Figures, Figures], Sequence[Table]]
    rows: Callable[[Figures], Iterable[ScoreRow]]
    measure: Callable[[HeardPiece, str, Evaluators], Any] | None = None
    measure_recording: Callable[[Recording, Evaluators], Any] | None = None
    piece_rows: Callable[[Measurements, Figures], Iterable[PieceRow]] | None = None
    hears_level: bool = False


def mean(values: Any) -> float:
    """Averages any numbers."""
    return float(np.mean(values))


def mean_with_interval(values: Sequence[float], seed: int) -> Figures:
    """Averages one number of each piece, with a bootstrap interval over pieces."""
    return {"value": mean(values), "interval": bootstrap_interval(values, mean, seed)}


def rows_of_pieces(
    metric: str, numbers: Callable[[Any, Figures], Mapping[str, float]]
) -> Callable[[Measurements, Figures], Iterator[PieceRow]]:
    """Makes a `Metric.piece_rows` that gives a row for each number of each piece in each kind.

    Args:
      metric: its name.
      numbers: from what was measured of a piece, and from the metric's figures, to numbers by name.
    """

    def rows(found: Measurements, figures: Figures) -> Iterator[PieceRow]:
        for piece in found.pieces:
            for kind, value in piece.values.get(metric, {}).items():
                for name, number in numbers(value, figures).items():
                    yield piece.name, kind, piece.performance, name, number

    return rows
