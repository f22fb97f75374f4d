"""Measures pieces and recordings one by one; what fails is noted, and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mt3synth.audio.mel import MelSpec
from mt3synth.errors import UserError
from mt3synth.evaluation.caching import KeptVocoder
from mt3synth.evaluation.embeddings.base import Embedding
from mt3synth.evaluation.embeddings.cache import EmbeddingCache
from mt3synth.evaluation.embeddings.store import Shelves
from mt3synth.evaluation.evaluation_set import Material, Piece, Problem, Sound, embed, hear
from mt3synth.evaluation.metrics.audio_distance import PairScores, pair_scores
from mt3synth.evaluation.metrics.dynamics import OnsetLevels, onset_levels
from mt3synth.evaluation.metrics.notes import Heard, NoteCounts, count_all
from mt3synth.evaluation.metrics.seams import Changes, changes
from mt3synth.symbolic.notes import Notes
from mt3synth.transcription.transcriber import Transcriber
from mt3synth.types import FloatND

Progress = Callable[[Iterable[Any], str], Iterable[Any]]
"""Wraps a loop, to show under a name how far it is."""

RECORDING = "recording"
"""Beside the kinds, the shelves of the recordings by which performances are known."""


@dataclass(frozen=True, eq=False)
class Tools:
    """Everything that measures.

    Attributes:
      mel: the frames, and the sample rate at which audio is heard.
      embedding: of audio.
      cache: of embeddings.
      vocoder: for the vocoded real audio.
      transcriber: hears notes; None where none is wanted.
      seed: of every random choice.
    """

    mel: MelSpec
    embedding: Embedding
    cache: EmbeddingCache
    vocoder: KeptVocoder
    transcriber: Transcriber | None
    seed: int


@dataclass(eq=False)
class Measured:
    """What was found out about a piece; by kind, see `mt3synth.evaluation.evaluation_set.KINDS`.

    Attributes:
      name, performance, wall_seconds: the piece's.
      seconds: length of the audio.
      counts: of notes, by kind and score.
      pairs: distances from the real recording.
      levels: after onsets.
      changes: at joins and elsewhere; of the real recording at the same times.
      vocoder_seconds: wall time for the vocoded audio.
    """

    name: str
    performance: str
    wall_seconds: float | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    counts: dict[str, dict[str, NoteCounts]] = field(default_factory=dict)
    pairs: dict[str, PairScores] = field(default_factory=dict)
    levels: dict[str, OnsetLevels] = field(default_factory=dict)
    changes: dict[str, Changes] = field(default_factory=dict)
    vocoder_seconds: float | None = None


@dataclass(eq=False)
class Findings:
    """Everything that was found out, ready to be summed up.

    Attributes:
      pieces: those of which something could be measured.
      embeddings: of every item in each kind, and of every recording; see `shelf_name`.
      performances: of every shelf.
      heard: what the transcriber can tell apart.
      problems: what could not be measured.
    """

    pieces: list[Measured]
    embeddings: Shelves
    performances: dict[str, str]
    heard: Heard
    problems: list[Problem]


def shelf_name(kind: str, item: str) -> str:
    """Under which name the embeddings of an item are kept."""
    return f"{kind}: {item}"


def measure(material: Material, tools: Tools, shelves: Shelves, progress: Progress) -> Findings:
    """Hears everything once.

    What is wrong with one item is written down, and the others are measured.
    """
    found = Findings([], shelves, {}, Heard(), list(material.problems))
    for recording in progress(material.recordings, "recordings"):
        with _noting(found.problems, recording.name):
            rows = embed(recording.sound, tools.mel.sample_rate, tools.embedding, tools.cache)
            _shelve(found, RECORDING, recording.name, recording.performance, rows)
    for recording in progress(material.held_out, "held-out recordings"):
        audio = _heard(found.problems, tools, {"real": recording.sound}, recording.name)
        # Under a name of its own: a piece may be called the same.
        _embed(found, tools, audio, f"held out {recording.name}", recording.performance)
    for piece in progress(material.pieces, "pieces"):
        _measure_piece(found, tools, piece)
    return found


def hear_all(piece: Piece, tools: Tools) -> dict[str, FloatND]:
    """What can be heard of a piece by kind; what cannot has been noted when it was measured."""
    return _heard([], tools, {"generated": piece.generated, "real": piece.real}, piece.name)


def _measure_piece(found: Findings, tools: Tools, piece: Piece) -> None:
    measured = Measured(piece.name, piece.performance, piece.wall_seconds)
    sounds = {"generated": piece.generated, "real": piece.real}
    audio = _heard(found.problems, tools, sounds, piece.name, measured)
    if not audio:
        return
    found.pieces.append(measured)
    measured.seconds = {kind: len(a) / tools.mel.sample_rate for kind, a in audio.items()}
    _embed(found, tools, audio, piece.name, piece.performance)
    for kind, samples in audio.items():
        if piece.joins is not None:
            change = changes(samples, tools.mel, piece.joins, tools.seed)
            if change is not None:
                measured.changes[kind] = change
        if kind != "real" and "real" in audio:
            with _noting(found.problems, f"{piece.name} ({kind})"):
                measured.pairs[kind] = pair_scores(samples, audio["real"], tools.mel)
    if piece.notes is None:
        return
    with _noting(found.problems, piece.name):
        notes = piece.notes()
        for kind, samples in audio.items():
            _measure_notes(found, tools, measured, notes, kind, samples)


def _measure_notes(
    found: Findings, tools: Tools, measured: Measured, notes: Notes, kind: str, audio: FloatND
) -> None:
    measured.levels[kind] = onset_levels(audio, tools.mel.sample_rate, notes)
    if tools.transcriber is None:
        return
    with _noting(found.problems, f"{measured.name} ({kind})"):
        estimated = _transcribed(tools.transcriber, audio, tools.mel.sample_rate)
        measured.counts[kind] = count_all(notes, estimated)
        found.heard.add(notes, estimated)


def _transcribed(transcriber: Transcriber, audio: FloatND, sample_rate: int) -> Notes:
    """What a transcriber hears; one of the user's may fail in any way, on some audio only."""
    try:
        return transcriber(audio, sample_rate)
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"the transcriber failed: {error!r}") from error


def _heard(
    problems: list[Problem],
    tools: Tools,
    sounds: Mapping[str, Sound | None],
    item: str,
    measured: Measured | None = None,
) -> dict[str, FloatND]:
    """The audio of an item by kind: what can be heard, and the real one vocoded."""
    audio = {}
    for kind, sound in sounds.items():
        if sound is not None:
            with _noting(problems, f"{item} ({kind})"):
                audio[kind] = hear(sound, tools.mel.sample_rate)
    if "real" in audio:
        with _noting(problems, f"{item} (vocoded)"):
            audio["vocoded"], seconds = tools.vocoder(audio["real"])
            if measured is not None:
                measured.vocoder_seconds = seconds
    return audio


def _embed(
    found: Findings, tools: Tools, audio: Mapping[str, FloatND], item: str, performance: str
) -> None:
    for kind, samples in audio.items():
        with _noting(found.problems, f"{item} ({kind})"):
            rows = tools.cache.of_audio(samples, tools.mel.sample_rate, tools.embedding)
            _shelve(found, kind, item, performance, rows)


def _shelve(found: Findings, kind: str, item: str, performance: str, rows: FloatND) -> None:
    name = shelf_name(kind, item)
    found.embeddings.put(name, rows)
    found.performances[name] = performance


@contextmanager
def _noting(problems: list[Problem], item: str) -> Iterator[None]:
    """What is wrong with an item becomes a problem, and the evaluation goes on."""
    try:
        yield
    except ValueError as error:  # UserError among them
        problems.append(Problem(item, " ".join(str(error).split())))
