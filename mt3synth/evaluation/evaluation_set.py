"""Holds what is evaluated, wherever it comes from: generated pieces, and real recordings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mt3synth.audio.files import AudioError, read_audio, read_metadata
from mt3synth.audio.level import read_gain
from mt3synth.symbolic.notes import Notes
from mt3synth.types import Float, FloatND

KINDS = ("generated", "vocoded", "real")
"""What stands side by side: a rendering, the real recording's mel frames through the vocoder (as
good as a rendering could be), and the real recording itself."""

MATCHED = "matched"
"""Beside the kinds: what was generated, scaled as a whole to the loudness of the real recording."""

COMPARED = ("generated", MATCHED, "vocoded", "real")
"""The kinds and `MATCHED`, in the order in which tables of distances show them."""

LABELS = {
    "generated": "generated",
    MATCHED: "generated, at real level",
    "vocoded": "real, vocoded",
    "real": "real",
}
"""What tables and pictures call the kinds."""

Sound = Path | Callable[[], FloatND]
"""A file of any sample rate, or a function that returns mono audio at the rate of the mel frames.
Either is read only when it is measured, so that a set of any length fits into memory."""


@dataclass(frozen=True)
class Seams:
    """Says where segments of a rendering meet.

        Seams(hop=4.48, overlap=0.64).times(15.0)  # 4.8, 9.28, 13.76

    Attributes:
      hop: seconds from the start of one segment to the start of the next.
      overlap: seconds shared by neighbours, over which they are blended.

    Raises:
      ValueError: a hop that is not positive, or an overlap outside 0..hop.
    """

    hop: float
    overlap: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.hop < np.inf:
            raise ValueError(f"hop={self.hop:g} s between segments; must be above 0")
        if not 0 <= self.overlap <= self.hop:
            raise ValueError(f"overlap={self.overlap:g} s; must be between 0 and the hop")

    @property
    def reach(self) -> float:
        """Seconds on each side of a seam within which it may be heard."""
        # Mel frames overlap, and a cut shows in those around it: 40 ms beyond the blend itself.
        return self.overlap / 2 + 0.04

    def times(self, seconds: float) -> Float[np.ndarray, " seams"]:
        """Gives the middle of each blend in audio of so many seconds, none cut off by its end."""
        middles = np.arange(1, int(seconds / self.hop) + 2) * self.hop + self.overlap / 2
        return middles[middles + self.reach < seconds]


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

        Piece("renders/1.wav", "studio", Path("renders/1.wav"), real=Path("real/1.wav"))

    Attributes:
      name: for reports; no two pieces share one.
      performance: name of the one that was asked for.
      generated: the audio.
      real: a real recording of the same notes at the same times, in that performance.
      notes: reads the notes that were to be played.
      seams: where segments of the rendering meet.
      wall_seconds: how long rendering took.
      metrics: names of those of `mt3synth.evaluation.metrics.registry` that take it; None for all.
    """

    name: str
    performance: str
    generated: Sound
    real: Sound | None = None
    notes: Callable[[], Notes] | None = None
    seams: Seams | None = None
    wall_seconds: float | None = None
    metrics: frozenset[str] | None = None


@dataclass(frozen=True)
class Problem:
    """Names an item that could not be measured, and why."""

    item: str
    reason: str


@dataclass
class EvaluationSet:
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
    """Reads a sound as mono audio; a gain that a rendered file names is undone.

    So the samples of a file that had to be turned down for a peak may exceed 1 here.

    Raises:
      AudioError: it cannot be read, or is digitally silent.
    """
    audio = _as_made(sound, sample_rate) if isinstance(sound, Path) else sound()
    if not audio.any():
        raise AudioError(f"digital silence ({len(audio) / sample_rate:.1f} s); nothing to measure")
    return audio


def _as_made(path: Path, sample_rate: int) -> FloatND:
    """Reads a file, and undoes the gain with which it was written."""
    audio = read_audio(path, sample_rate)
    try:
        gain = read_gain(read_metadata(path))
    except AudioError:  # of a format that libsndfile does not read, and mt3synth does not write
        return audio
    return audio / np.float32(gain) if gain != 1 else audio
