"""Measures pieces and recordings one by one, then sums up; what fails is noted, others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mt3synth.evaluation.embeddings.store import EmbeddingStore
from mt3synth.evaluation.evaluation_set import (
    KINDS,
    EvaluationSet,
    Piece,
    Problem,
    Recording,
    Sound,
    hear,
)
from mt3synth.evaluation.metrics import fad
from mt3synth.evaluation.metrics.metric import (
    RECORDING,
    Evaluators,
    Figures,
    HeardPiece,
    Measured,
    Measurements,
    Metric,
    PieceRow,
    embedding_key,
)
from mt3synth.types import FloatND

Progress = Callable[[Iterable[Any], str], Iterable[Any]]
"""Wraps a loop, to show under a name how far it is."""


def measure(
    items: EvaluationSet,
    evaluators: Evaluators,
    metrics: Sequence[Metric],
    store: EmbeddingStore,
    progress: Progress,
) -> Measurements:
    """Hears everything once.

    What is wrong with one item is written down, and the others are measured.

    Args:
      items: what to measure.
      evaluators: what measures.
      metrics: each measures every piece that takes it.
      store: gets the embeddings of everything.
      progress: shows how far it is.
    """
    measuring = _Measuring(Measurements(store, list(items.problems)), evaluators, metrics)
    # Only one item's audio is in memory at a time, as a set may hold any number of hours.
    for recording in progress(items.recordings, "recordings"):
        measuring.recording(recording)
    for recording in progress(items.held_out, "held-out recordings"):
        measuring.held_out(recording)
    for piece in progress(items.pieces, "pieces"):
        measuring.piece(piece)
    return measuring.found


def aggregate(
    found: Measurements, metrics: Sequence[Metric], evaluators: Evaluators
) -> tuple[Figures, list[PieceRow]]:
    """Sums up every metric; one that fails is noted among the problems of ``found``.

    Returns:
      The figures by the metrics' names, of those of which there is anything to say; and the rows
      of single pieces.
    """
    figures: Figures = {}
    rows: list[PieceRow] = [
        (piece.name, kind, piece.performance, "seconds", piece.seconds[kind])
        for piece in found.pieces
        for kind in KINDS
        if kind in piece.seconds
    ]
    for metric in metrics:
        with _noting(found.problems, metric.name):
            made = metric.aggregate(found, evaluators)
            if made:
                figures[metric.name] = made
                rows += metric.piece_rows(found, made) if metric.piece_rows else ()
    return figures, rows


def hear_all(piece: Piece, evaluators: Evaluators) -> dict[str, FloatND]:
    """Reads what can be heard of a piece, by kind; problems were noted when it was measured."""
    return _hear([], evaluators, _sounds(piece), Measured(piece.name, piece.performance))


@dataclass(frozen=True, eq=False)
class _Measuring:
    """Measures one item after the other, and adds it to ``found``."""

    found: Measurements
    evaluators: Evaluators
    metrics: Sequence[Metric]

    def recording(self, recording: Recording) -> None:
        measured = Measured(recording.name, recording.performance)
        with _noting(self.found.problems, recording.name):
            self._store(RECORDING, measured, self.evaluators.embed(recording.sound))
            for metric in self.metrics:
                if metric.measure_recording is not None:
                    value = metric.measure_recording(recording, self.evaluators)
                    measured.values[metric.name] = {RECORDING: value}
        self.found.recordings.append(measured)

    def held_out(self, recording: Recording) -> None:
        measured = Measured(recording.name, recording.performance)
        sounds = {"real": recording.sound}
        audio = _hear(self.found.problems, self.evaluators, sounds, measured)
        # Under a name of its own: a piece may be called the same.
        measured.name = f"held out {recording.name}"
        self.found.held_out.append(measured)
        # Nobody generated it: only what learns from recordings has anything to ask of it.
        of_recordings = [m for m in self.metrics if m.measure_recording is not None]
        self._audio(of_recordings, measured, HeardPiece(audio))

    def piece(self, piece: Piece) -> None:
        measured = Measured(piece.name, piece.performance, piece.wall_seconds, piece.metrics)
        audio = _hear(self.found.problems, self.evaluators, _sounds(piece), measured)
        if not audio:
            return
        self.found.pieces.append(measured)
        notes = None
        if piece.notes is not None:
            with _noting(self.found.problems, piece.name):
                notes = piece.notes()
        self._audio(self.metrics, measured, HeardPiece(audio, notes, piece.seams))

    def _audio(self, metrics: Sequence[Metric], measured: Measured, heard: HeardPiece) -> None:
        """Embeds and measures each kind; a metric that fails on one leaves the others."""
        for kind, samples in heard.audio.items():
            item = f"{measured.name} ({kind})"
            # Embeddings serve the distances alone; what these do not take needs none.
            if measured.takes(fad.NAME):
                with _noting(self.found.problems, item):
                    self._store(kind, measured, self.evaluators.embed(samples))
            for metric in metrics:
                if metric.measure is None or not measured.takes(metric.name):
                    continue
                with _noting(self.found.problems, item):
                    value = metric.measure(heard, kind, self.evaluators)
                    if value is not None:
                        measured.values.setdefault(metric.name, {})[kind] = value

    def _store(self, kind: str, measured: Measured, rows: FloatND) -> None:
        key = embedding_key(kind, measured.name)
        self.found.embeddings.put(key, rows)
        self.found.performances[key] = measured.performance


def _sounds(piece: Piece) -> dict[str, Sound | None]:
    return {"generated": piece.generated, "real": piece.real}


def _hear(
    problems: list[Problem],
    evaluators: Evaluators,
    sounds: Mapping[str, Sound | None],
    measured: Measured,
) -> dict[str, FloatND]:
    """Reads the audio of an item by kind: what can be heard, and the real one vocoded."""
    audio = {}
    for kind, sound in sounds.items():
        if sound is not None:
            with _noting(problems, f"{measured.name} ({kind})"):
                audio[kind] = hear(sound, evaluators.mel.sample_rate)
    if "real" in audio:
        # Real audio as the vocoder leaves it: no rendering through it can be expected to do better.
        with _noting(problems, f"{measured.name} (vocoded)"):
            audio["vocoded"], measured.vocoder_seconds = evaluators.vocoder(audio["real"])
    measured.seconds = {kind: len(a) / evaluators.mel.sample_rate for kind, a in audio.items()}
    return audio


@contextmanager
def _noting(problems: list[Problem], item: str) -> Iterator[None]:
    """Notes what is wrong with an item, and lets the evaluation go on."""
    try:
        yield
    except ValueError as error:  # UserError among them
        problems.append(Problem(item, " ".join(str(error).split())))
