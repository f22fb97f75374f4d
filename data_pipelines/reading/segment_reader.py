"""Segments of NumPy shards in a random order in which every place can be gone to at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.numpy_songs import ArraySongEntry, MelSegment
from data_pipelines.reading.segments import evaluation_starts, training_shifts, training_starts


class _Pass(NamedTuple):
    """One pass over all songs: a draw for each song; the order and a shift for each segment."""

    draws: np.ndarray
    order: np.ndarray
    shifts: np.ndarray


class ArrayReader:
    """Segments of some songs.

    In every pass each song is cut anew from a random offset, each segment is shifted in pitch anew,
    and all segments are shuffled; what happens in a pass depends on its number and the seed alone.

    Args:
      songs: at least one.
      features: says how long segments are, and their front end.
      pitch_shift: most semitones up or down.
      seed: of offsets, shifts and order.

    Raises:
      ValueError: no songs, or ``pitch_shift`` below 0.
    """

    def __init__(
        self,
        songs: Sequence[ArraySongEntry],
        features: SegmentFeatures,
        pitch_shift: int = 0,
        seed: Sequence[int] = (0,),
    ) -> None:
        if not songs:
            raise ValueError("no songs; must be at least one")
        if pitch_shift < 0:
            raise ValueError(f"pitch_shift={pitch_shift} semitones; must be at least 0")
        self._songs, self._features = songs, features
        self._pitch_shift, self._seed = pitch_shift, tuple(seed)
        self._frames = [features.mel.frames(song.audio[1]) for song in songs]
        counts = [len(training_starts(length, features.frames, 0)) for length in self._frames]
        self._ends = np.cumsum(counts)  # of the songs' segments, counted through
        self._pass = lru_cache(maxsize=2)(self._draw_pass)

    @property
    def pass_length(self) -> int:
        """Segments of a training pass."""
        return int(self._ends[-1])

    def training(self, position: int) -> MelSegment:
        """The segment at a place in the endless stream of passes."""
        number, place = divmod(position, self.pass_length)
        drawn = self._pass(number)
        segment = int(drawn.order[place])
        song = int(np.searchsorted(self._ends, segment, side="right"))
        within = segment - (int(self._ends[song - 1]) if song else 0)
        starts = training_starts(self._frames[song], self._features.frames, int(drawn.draws[song]))
        return self._songs[song].cut(
            int(starts[within]), int(drawn.shifts[segment]), self._features
        )

    def evaluation(self) -> Iterator[MelSegment]:
        """All segments once: songs in order, each from its beginning, at their own pitch."""
        for song, length in zip(self._songs, self._frames):
            for start in evaluation_starts(length, self._features.frames):
                yield song.cut(int(start), 0, self._features)

    def _draw_pass(self, number: int) -> _Pass:
        rng = np.random.default_rng([*self._seed, number])
        draws = rng.integers(0, np.iinfo(np.int32).max, len(self._songs))
        shift_draw = int(rng.integers(0, np.iinfo(np.int32).max))
        return _Pass(
            draws,
            rng.permutation(self.pass_length),
            training_shifts(self.pass_length, self._pitch_shift, shift_draw),
        )
