"""Measures pieces and recordings one by one, then sums up; what fails is noted, others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mt3synth.evaluation.embeddings.store import EmbeddingStore
from mt3synth.evaluation.evaluation_set import (
    KINDS,
    MATCHED,
    EvaluationSet,
    Piece,
    Problem,
    Recording,
    Sound,
    hear,
)
from mt3synth.evaluation.metrics import fad, loudness
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

_TAIL_S, _TAIL_SHARE = 10.0, 0.25
"""By how much a rendering may outlast its real recording for the ring of its last notes alone; one
that is longer still is no tail, and stays as it is, for metrics to object to."""


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
        self._add_matched(measured, audio)
        notes = None
        if piece.notes is not None:
            with _noting(self.found.problems, piece.name):
                notes = piece.notes()
        self._audio(self.metrics, measured, HeardPiece(audio, notes, piece.seams))

    def _add_matched(self, measured: Measured, audio: dict[str, FloatND]) -> None:
        """Adds what was generated at the level of the real thing, where both have a loudness."""
        heard = any(m.hears_level and measured.takes(m.name) for m in self.metrics)
        if "generated" not in audio or not heard:
            return
        rate = self.evaluators.mel.sample_rate
        same = [r for r in self.found.recordings if r.performance == measured.performance]
        lufs = loudness.real_loudness(audio.get("real"), rate, same)
        if lufs is not None:
            matched = loudness.at_loudness(audio["generated"], rate, lufs)
            if matched is not None:
                audio[MATCHED] = matched

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
                # Others would say the same again, and transcribers take their time for it.
                if kind == MATCHED and not metric.hears_level:
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
    rate = evaluators.mel.sample_rate
    measured.seconds = {kind: len(samples) / rate for kind, samples in audio.items()}
    if "real" in audio and "generated" in audio:
        audio["generated"] = _without_tail(audio["generated"], len(audio["real"]), rate)
    return audio


def _without_tail(audio: FloatND, length: int, sample_rate: int) -> FloatND:
    """Cuts a rendering to the length of the real one, which silence after it would not sound like.

    What goes on for so long that it is no tail stays.
    """
    longest = length + max(_TAIL_S * sample_rate, _TAIL_SHARE * length)
    return audio[:length] if len(audio) <= longest else audio


@contextmanager
def _noting(problems: list[Problem], item: str) -> Iterator[None]:
    """Notes what is wrong with an item, and lets the evaluation go on."""
    try:
        yield
    except ValueError as error:  # UserError among them
        problems.append(Problem(item, " ".join(str(error).split())))
