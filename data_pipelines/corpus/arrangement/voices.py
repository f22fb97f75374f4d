"""Holds lines: what one player is to play, in quarter lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from data_pipelines.corpus.arrangement.scores import Score

Row = tuple[float, float, int, float]


@dataclass(frozen=True, eq=False)
class Line:
    """Notes of one player, in quarter lengths from the start of the song.

    Attributes:
      start, duration: float64 ``[n]``, quarter lengths, ordered by start.
      pitch: MIDI keys, int64 ``[n]``.
      accent: velocity added to each note, float64 ``[n]``.
      program: General MIDI program from 0; ignored for drums.
      is_drum: a drum kit rather than a pitched instrument.
      level: velocity added to the whole line.
      pedalled: durations already last until the sustain pedal rises, so articulation leaves them.
    """

    start: np.ndarray
    duration: np.ndarray
    pitch: np.ndarray
    accent: np.ndarray
    program: int = 0
    is_drum: bool = False
    level: float = 0.0
    pedalled: bool = False

    def __len__(self) -> int:
        return len(self.start)

    def select(self, keep: np.ndarray) -> Line:
        """Takes the notes at ``keep``, a mask or positions."""
        return replace(
            self,
            start=self.start[keep],
            duration=self.duration[keep],
            pitch=self.pitch[keep],
            accent=self.accent[keep],
        )

    def scale_time(self, factor: float) -> Line:
        """Multiplies all times by ``factor``."""
        return replace(self, start=self.start * factor, duration=self.duration * factor)


def make_line(rows: Sequence[Row], program: int = 0, is_drum: bool = False) -> Line:
    """Makes a line from rows of start, duration, pitch, accent, in any order."""
    # Reshaped, for a line of no rows would else have no columns.
    table = np.array(sorted(rows), np.float64).reshape(-1, 4)
    return Line(
        start=table[:, 0],
        duration=table[:, 1],
        pitch=table[:, 2].astype(np.int64),
        accent=table[:, 3],
        program=program,
        is_drum=is_drum,
    )


def cut_excerpt(score: Score, start: float, length: float) -> list[Line]:
    """Cuts the voices of ``score`` to ``[start, start + length)`` quarters, starting at 0.

    Notes that begin before ``start`` are left out, those that pass the end are cut there. A score
    that ends sooner is played again from its beginning until the length is filled.
    """
    lines = []
    for part in score.parts:
        begin, duration = np.array(part.start), np.array(part.duration)
        pitch = np.array(part.pitch, np.int64)
        turns = _count_turns(score, start, length)
        begin = np.concatenate([begin + i * score.length for i in range(turns)]) - start
        duration, pitch = np.tile(duration, turns), np.tile(pitch, turns)
        # Before the selection, which drops what the cut has left without length.
        duration = np.minimum(duration, length - begin)
        line = Line(begin, duration, pitch, np.zeros(len(begin)))
        # A note from before the excerpt would begin without its attack.
        lines.append(line.select((begin >= -1e-6) & (duration > 1e-3)))
    return [line for line in lines if len(line)]


def find_bars(score: Score, start: float, length: float) -> np.ndarray:
    """Finds the excerpt's bar lines in quarters from its start, every 4 where none are known.

    They go on through the repetitions of a score that is shorter than the excerpt.
    """
    turns = _count_turns(score, start, length)
    bars = np.concatenate([np.array(score.bars) + i * score.length for i in range(turns)]) - start
    inside = bars[(bars >= 0) & (bars < length)]
    # One bar line alone says nothing of the metre.
    return inside if len(inside) > 1 else np.arange(0.0, length, 4.0)


def _count_turns(score: Score, start: float, length: float) -> int:
    return max(1, int(np.ceil((start + length) / score.length)))
