"""What is evaluated, wherever it comes from: pieces that were generated, and real recordings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mt3synth.audio.files import AudioError, read_audio
from mt3synth.evaluation.embeddings.base import Embedding
from mt3synth.evaluation.embeddings.cache import EmbeddingCache
from mt3synth.evaluation.metrics.seams import Joins
from mt3synth.symbolic.notes import Notes
from mt3synth.types import Float, FloatND

KINDS = ("generated", "vocoded", "real")
"""What stands side by side: a rendering, the real recording's mel frames through the vocoder (as
good as a rendering could be), and the real recording itself."""

Sound = Path | Callable[[], FloatND]
"""A file of any sample rate, or what gives mono audio at the rate of the mel frames."""


@dataclass(frozen=True, eq=False)
class Recording:
    """Real audio of a performance.

    Attributes:
      name: for reports.
      performance: name.
      sound: the audio.
    """

    name: str
    performance: str
    sound: Sound


@dataclass(frozen=True, eq=False)
class Piece:
    """Something generated, and what is known about it.

    Attributes:
      name: for reports; no two pieces share one.
      performance: name of the one that was asked for.
      generated: the audio.
      real: a real recording of the same notes at the same times, in that performance.
      notes: reads the notes that were to be played.
      joins: where windows of the rendering meet.
      wall_seconds: how long rendering took.
    """

    name: str
    performance: str
    generated: Sound
    real: Sound | None = None
    notes: Callable[[], Notes] | None = None
    joins: Joins | None = None
    wall_seconds: float | None = None


@dataclass(frozen=True)
class Problem:
    """What could not be measured: of which item, and why."""

    item: str
    reason: str


@dataclass
class Material:
    """Everything that goes into an evaluation.

    Attributes:
      pieces: what was generated.
      recordings: real ones, by which performances are known; none is any piece's ``real``.
      held_out: other real recordings, to be measured like what was generated.
      problems: what was left out already.
    """

    pieces: list[Piece] = field(default_factory=list)
    recordings: list[Recording] = field(default_factory=list)
    held_out: list[Recording] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def hear(sound: Sound, sample_rate: int) -> Float[FloatND, " S"]:
    """The audio, mono.

    Raises:
      AudioError: it cannot be read, or is digitally silent.
    """
    audio = read_audio(sound, sample_rate) if isinstance(sound, Path) else sound()
    if not audio.any():
        raise AudioError(f"digital silence ({len(audio) / sample_rate:.1f} s); nothing to measure")
    return audio


def embed(
    sound: Sound, sample_rate: int, embedding: Embedding, cache: EmbeddingCache
) -> Float[FloatND, "N D"]:
    """Embeddings of a sound, from the cache if they are there.

    Raises:
      EmbeddingError: silent, or too short for one embedding.
      AudioError: it cannot be read.
    """
    if isinstance(sound, Path):
        return cache.of_file(sound, embedding)
    return cache.of_audio(sound(), sample_rate, embedding)
