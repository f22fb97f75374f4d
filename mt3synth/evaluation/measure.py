"""Measures pieces and recordings one by one; what fails is noted, and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mt3synth.evaluation.embeddings.store import EmbeddingStore
from mt3synth.evaluation.evaluation_set import (
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
    HeardPiece,
    Measured,
    Measurements,
    Metric,
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
    found = Measurements(store, list(items.problems))
    # Only one item's audio is in memory at a time, as a set may hold any number of hours.
    for recording in progress(items.recordings, "recordings"):
        _measure_recording(found, evaluators, metrics, recording)
    held_out = [m for m in metrics if m.measure_recording is not None]
    for recording in progress(items.held_out, "held-out recordings"):
        measured = Measured(recording.name, recording.performance)
        audio = _hear(found.problems, evaluators, {"real": recording.sound}, measured)
        # Under a name of its own: a piece may be called the same.
        measured.name = f"held out {recording.name}"
        found.held_out.append(measured)
        _measure_audio(found, evaluators, held_out, measured, HeardPiece(audio))
    for piece in progress(items.pieces, "pieces"):
        _measure_piece(found, evaluators, metrics, piece)
    return found


def hear_all(piece: Piece, evaluators: Evaluators) -> dict[str, FloatND]:
    """Reads what can be heard of a piece, by kind; problems were noted when it was measured."""
    measured = Measured(piece.name, piece.performance)
    sounds = {"generated": piece.generated, "real": piece.real}
    return _hear([], evaluators, sounds, measured)


def _measure_recording(
    found: Measurements, evaluators: Evaluators, metrics: Sequence[Metric], recording: Recording
) -> None:
    measured = Measured(recording.name, recording.performance)
    with _noting(found.problems, recording.name):
        _store(found, RECORDING, measured, evaluators.embed(recording.sound))
        for metric in metrics:
            if metric.measure_recording is not None:
                value = metric.measure_recording(recording, evaluators)
                measured.values[metric.name] = {RECORDING: value}
    found.recordings.append(measured)


def _measure_piece(
    found: Measurements, evaluators: Evaluators, metrics: Sequence[Metric], piece: Piece
) -> None:
    measured = Measured(piece.name, piece.performance, piece.wall_seconds, piece.metrics)
    sounds = {"generated": piece.generated, "real": piece.real}
    audio = _hear(found.problems, evaluators, sounds, measured)
    if not audio:
        return
    found.pieces.append(measured)
    notes = None
    if piece.notes is not None:
        with _noting(found.problems, piece.name):
            notes = piece.notes()
    _measure_audio(found, evaluators, metrics, measured, HeardPiece(audio, notes, piece.seams))


def _measure_audio(
    found: Measurements,
    evaluators: Evaluators,
    metrics: Sequence[Metric],
    measured: Measured,
    heard: HeardPiece,
) -> None:
    """Embeds and measures each kind; a metric that fails on one leaves the others."""
    for kind, samples in heard.audio.items():
        item = f"{measured.name} ({kind})"
        if measured.takes(fad.NAME):
            with _noting(found.problems, item):
                _store(found, kind, measured, evaluators.embed(samples))
        for metric in metrics:
            if metric.measure is None or not measured.takes(metric.name):
                continue
            with _noting(found.problems, item):
                value = metric.measure(heard, kind, evaluators)
                if value is not None:
                    measured.values.setdefault(metric.name, {})[kind] = value


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
        with _noting(problems, f"{measured.name} (vocoded)"):
            audio["vocoded"], measured.vocoder_seconds = evaluators.vocoder(audio["real"])
    measured.seconds = {kind: len(a) / evaluators.mel.sample_rate for kind, a in audio.items()}
    return audio


def _store(found: Measurements, kind: str, measured: Measured, rows: FloatND) -> None:
    key = embedding_key(kind, measured.name)
    found.embeddings.put(key, rows)
    found.performances[key] = measured.performance


@contextmanager
def _noting(problems: list[Problem], item: str) -> Iterator[None]:
    """Notes what is wrong with an item, and lets the evaluation go on."""
    try:
        yield
    except ValueError as error:  # UserError among them
        problems.append(Problem(item, " ".join(str(error).split())))
