"""Lists what a data set is made of before it is built: recordings and where they are.

A source (a manifest, a known data set) lists these; nothing is read until a shard is built, and
everything here can be pickled, for worker processes and for Beam.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from data_pipelines.filesystem import is_local, local_copy
from data_pipelines.songs import SPLITS
from mt3synth.audio.files import audio_seconds, read_audio, stated_seconds
from mt3synth.errors import UserError
from mt3synth.symbolic.midi import read_midi
from mt3synth.symbolic.notes import Notes

SILENT_PEAK = 1e-3
"""Of full scale, -60 dB: below it there is at most the noise of the equipment."""


@runtime_checkable
class AudioSource(Protocol):
    """Reads a recording's sound."""

    @property
    def path(self) -> Path:
        """Returns the file it comes from."""

    def seconds(self) -> float:
        """Returns its length, without decoding it. Raises UserError if it cannot be told."""

    def read(self, sample_rate: int) -> Float[np.ndarray, " S"]:
        """Reads mono float32 at ``sample_rate``. Raises UserError if it cannot be read."""


@runtime_checkable
class NotesSource(Protocol):
    """Reads a recording's notes, in seconds of its sound."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """Returns the files they come from."""

    def read(self) -> tuple[Notes, list[str]]:
        """Reads the notes, with remarks on what is not in them. Raises UserError without any."""


@dataclass(frozen=True)
class AudioFile:
    """Reads an audio file; an `AudioSource`."""

    path: Path

    def seconds(self) -> float:
        """Reads its length from its header."""
        with local_copy(self.path) as path:
            return audio_seconds(path)

    def stated_seconds(self) -> float | None:
        """Reads its length from its header; None where that does not say, or is far away."""
        # A store would give the whole file once more for it.
        return stated_seconds(self.path) if is_local(self.path) else None

    def read(self, sample_rate: int) -> Float[np.ndarray, " S"]:
        """Reads it as mono, resampled."""
        with local_copy(self.path) as path:
            return read_audio(path, sample_rate)


@dataclass(frozen=True)
class NotesFile:
    """Names the one file of notes: what every such `NotesSource` has in common."""

    path: Path

    @property
    def paths(self) -> tuple[Path, ...]:
        """Returns the one file."""
        return (self.path,)


class MidiFile(NotesFile):
    """Reads a MIDI file; a `NotesSource`."""

    def read(self) -> tuple[Notes, list[str]]:
        """Reads its notes, lengthened by the sustain pedal."""
        with local_copy(self.path) as path:
            return read_midi(path)

    def last_release(self) -> float:
        """Returns the second at which the last key is let go, whatever the pedal holds."""
        with local_copy(self.path) as path:
            return read_midi(path, sustain=False)[0].end_time


@dataclass(frozen=True)
class Recording:
    """Lists one recording with its notes.

    For example::

      Recording("tune", AudioFile(Path("tune.wav")), MidiFile(Path("tune.mid")), "my room")

    Attributes:
      id: unique in its data set, and the same whenever it is listed.
      audio: its sound.
      notes: its notes.
      performance: name of the performance: these players, this room, this microphone.
      description: of the performance, for people.
      split: one of `songs.SPLITS`; None leaves it to the builder.
      start: second of the recording at which to begin.
      end: second at which to end; None takes all.

    Raises:
      UserError: no performance, an unknown split, or an end that is not after the start.
    """

    id: str
    audio: AudioSource
    notes: NotesSource
    performance: str
    description: str = ""
    split: str | None = None
    start: float = 0.0
    end: float | None = None

    def __post_init__(self) -> None:
        if not self.performance:
            raise UserError("the performance has no name")
        if self.split is not None and self.split not in SPLITS:
            raise UserError(f"split {self.split!r}; must be one of {', '.join(SPLITS)}")
        # Not as ``start < 0``, which lets through what is not a number.
        if not self.start >= 0:
            raise UserError(f"start {self.start} s; must be at least 0 s")
        if self.end is not None and not self.end > self.start:
            raise UserError(f"end {self.end} s; must be after start, {self.start} s")

    @property
    def paths(self) -> tuple[Path, ...]:
        """Lists all its files, the sound first."""
        return (self.audio.path, *self.notes.paths)

    @property
    def name(self) -> str:
        """Names its files, as messages about it do."""
        return f"{self.audio.path} and {', '.join(map(str, self.notes.paths))}"

    def rejected(self, reason: str) -> Rejection:
        """Rejects this recording with the reason why it is left out."""
        return Rejection(str(self.audio.path), ";".join(map(str, self.notes.paths)), reason)


@dataclass(frozen=True, order=True)
class Rejection:
    """Says what is left out of a data set: a line of its rejected.csv.

    Attributes:
      audio, midi: the files.
      reason: why, one line.
    """

    audio: str
    midi: str
    reason: str


class Listing(NamedTuple):
    """Holds what a source found."""

    recordings: list[Recording]
    rejections: list[Rejection]

    def reject(self, audio: object, midi: object, reason: object) -> None:
        """Leaves out these files, for a reason of one line."""
        self.rejections.append(Rejection(str(audio), str(midi), str(reason)))

    @contextmanager
    def rejecting(self, audio: object, midi: object) -> Iterator[None]:
        """Leaves out these files if what is done meanwhile raises UserError."""
        try:
            yield
        except UserError as error:
            self.reject(audio, midi, error)


def find_silence(audio: Float[np.ndarray, " S"]) -> str | None:
    """Says of a recording without sound that it is silent, and how quiet; None of any other."""
    peak = float(np.abs(audio).max(initial=0.0))
    if peak >= SILENT_PEAK:
        return None
    return f"silent (peak {20 * np.log10(peak):.0f} dB)" if peak else "silent (all samples 0)"


def plain_id(text: str) -> str:
    """Takes detours out of an id that is a path: ``aligned/../real/x.wav`` is ``real/x.wav``."""
    return text if "://" in text else posixpath.normpath(text)


def one_line(text: object) -> str:
    """Writes what may run over several lines as one, as a table of rejections needs it."""
    return " ".join(str(text).split())
