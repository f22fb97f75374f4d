"""Notes as columns: the form in which every part of the project passes music around."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mt3synth.symbolic.note_curves import NoteCurves


@dataclass(frozen=True, eq=False)
class Notes:
    """A song as parallel columns, one row a note.

        notes, reports = read_midi("song.mid")
        violins = notes.select(notes.program == 40).transposed(-12)

    Attributes:
      start: onset in seconds, float64 ``[n]``.
      end: offset in seconds, float64 ``[n]``; not before ``start``.
      pitch: MIDI key 0..127, int32 ``[n]``; for drums the percussion key.
      velocity: 1..127, int32 ``[n]``.
      program: General MIDI program 0..127 counted from zero, int32 ``[n]``; 0 for drums.
      is_drum: bool ``[n]``.
      curves: how pitch and level go on while notes sound; None if nothing is known of it, and then
        they stay on their keys and as loud as their velocity makes them.

    Raises:
      ValueError: columns of different length, or a value out of its range.
    """

    start: np.ndarray
    end: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    program: np.ndarray
    is_drum: np.ndarray
    curves: NoteCurves | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for name, dtype in _COLUMNS.items():
            # Converted here once, so that nobody else has to think of types.
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype))
        lengths = {name: getattr(self, name).shape for name in _COLUMNS}
        # All shapes in the message: which column is wrong cannot be told from one.
        if len(set(lengths.values())) != 1 or len(lengths["start"]) != 1:
            raise ValueError(f"note columns differ in shape: {lengths}; all must be [n]")
        if self.curves is not None and len(self.curves) != len(self.start):
            raise ValueError(f"{len(self.start)} notes with the curves of {len(self.curves)}")
        if not np.all(np.isfinite(self.start) & np.isfinite(self.end)):
            raise ValueError("a note starts or ends at no finite time")
        if np.any(self.end < self.start):
            raise ValueError("a note ends before it starts")
        if np.any(self.start < 0):
            raise ValueError(f"a note starts at {self.start.min()} s; must be at least 0")
        for name, low in (("pitch", 0), ("velocity", 1), ("program", 0)):
            column = getattr(self, name)
            if np.any((column < low) | (column > 127)):
                raise ValueError(f"{name} outside {low}..127: {column.min()}..{column.max()}")

    def __len__(self) -> int:
        return len(self.start)

    @property
    def end_time(self) -> float:
        """Seconds at which the last note ends; 0 without notes."""
        return float(self.end.max()) if len(self) else 0.0

    def select(self, index: np.ndarray) -> Notes:
        """Selects the notes at ``index``: a boolean mask or integer positions."""
        columns: dict[str, Any] = {name: getattr(self, name)[index] for name in _COLUMNS}
        return Notes(**columns, curves=None if self.curves is None else self.curves.select(index))

    def sorted(self) -> Notes:
        """Orders notes by start, then drums last, program, pitch, end."""
        return self.select(self.order())

    def order(self) -> np.ndarray:
        """Returns the positions of the notes in the order of ``sorted``, int64 ``[n]``."""
        # The last key counts first. Everything takes part, so that equal songs are equal row by
        # row.
        return np.lexsort((self.end, self.pitch, self.program, self.is_drum, self.start))

    def shifted(self, seconds: float) -> Notes:
        """Moves every note later by ``seconds`` (earlier if negative)."""
        return self.replace(start=self.start + seconds, end=self.end + seconds)

    def stretched(self, factor: float) -> Notes:
        """Multiplies all times by ``factor``."""
        moved = self.replace(start=factor * self.start, end=factor * self.end)
        return moved if self.curves is None else moved.with_curves(self.curves.stretched(factor))

    def transposed(self, semitones: int) -> Notes:
        """Moves pitched notes by ``semitones``, drops those that leave 0..127; drums stay."""
        pitch = np.where(self.is_drum, self.pitch, self.pitch + semitones)
        inside = (pitch >= 0) & (pitch <= 127)
        return self.select(inside).replace(pitch=pitch[inside])

    def folded(self, low: int, high: int) -> Notes:
        """Moves pitched notes outside ``low`` to ``high`` into it by octaves; drums stay.

        Raises:
          ValueError: less than an octave, into which not every note can be moved.
        """
        if high - low < 11:
            raise ValueError(f"keys {low} to {high}; must be at least an octave")
        # As few octaves as it takes: an octave that is begun counts as a whole one.
        up = np.maximum(0, -((self.pitch - low) // 12))
        down = np.maximum(0, -((high - self.pitch) // 12))
        return self.replace(pitch=np.where(self.is_drum, self.pitch, self.pitch + 12 * (up - down)))

    def cropped(self, start: float, end: float) -> Notes:
        """Cuts out ``[start, end)`` seconds, moved so that ``start`` becomes 0.

        Notes already sounding at ``start`` are kept and begin at 0.
        """
        kept = self.select(self.within(start, end))
        begin = np.maximum(kept.start, start)
        cut = kept.replace(start=begin - start, end=np.minimum(kept.end, end) - start)
        if kept.curves is None:
            return cut
        return cut.with_curves(kept.curves.begun_later(begin - kept.start))

    def within(self, start: float, end: float) -> np.ndarray:
        """Says which notes sound in ``[start, end)`` seconds, bool ``[n]``."""
        # The second start is for notes without length, which a crop elsewhere may have left.
        return (self.start < end) & ((self.end > start) | (self.start >= start))

    def replace(self, **columns: np.ndarray) -> Notes:
        """Returns a copy with some columns exchanged."""
        made: dict[str, Any] = {name: columns.get(name, getattr(self, name)) for name in _COLUMNS}
        return Notes(**made, curves=self.curves)

    def with_curves(self, curves: NoteCurves | None) -> Notes:
        """Returns a copy with these curves, or with none."""
        return Notes(**{name: getattr(self, name) for name in _COLUMNS}, curves=curves)

    @staticmethod
    def concatenate(parts: Sequence[Notes]) -> Notes:
        """Joins all notes of ``parts``, sorted."""
        return Notes.chained(parts).sorted()

    @staticmethod
    def chained(parts: Sequence[Notes]) -> Notes:
        """Joins all notes of ``parts``, one part after the other."""
        if not parts:
            return Notes.empty()
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(p, name) for p in parts]) for name in _COLUMNS
        }
        if all(part.curves is None for part in parts):
            return Notes(**columns)
        given = [NoteCurves.none(len(p)) if p.curves is None else p.curves for p in parts]
        return Notes(**columns, curves=NoteCurves.chained(given))

    @staticmethod
    def empty() -> Notes:
        """Returns a song without notes."""
        columns: dict[str, Any] = {name: np.zeros(0, kind) for name, kind in _COLUMNS.items()}
        return Notes(**columns)


_COLUMNS = {
    "start": np.float64,
    "end": np.float64,
    "pitch": np.int32,
    "velocity": np.int32,
    "program": np.int32,
    "is_drum": np.bool_,
}
