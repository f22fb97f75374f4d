"""Segments of songs in a random order of which any position can be read at once.

The order is computed rather than streamed through a shuffle buffer: a permutation of all segments
for each pass, from the seed and the number of the pass. So the number of a batch is all that a
checkpoint has to keep, resuming at any costs the same, and every segment is as far from its
neighbours in the song as chance wills.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.segments import (
    Segment,
    evaluation_starts,
    training_shifts,
    training_starts,
)
from data_pipelines.reading.stored_song import StoredSong


class _Pass(NamedTuple):
    """Holds one pass: a draw for each song, the order and a shift for each segment."""

    draws: np.ndarray
    order: np.ndarray
    shifts: np.ndarray


class SegmentReader:
    """Reads segments of some songs.

    In every pass each song is cut anew from a random offset, each segment is shifted in pitch anew,
    and all segments are shuffled; what happens in a pass depends on its number and the seed alone.

    Args:
      songs: at least one.
      features: says how long segments are, and their front end.
      pitch_shift: most semitones up or down.
      seed: of offsets, shifts and order.
      edges: see `segments.training_starts`.

    Raises:
      ValueError: no songs, or ``pitch_shift`` below 0.
    """

    def __init__(
        self,
        songs: Sequence[StoredSong],
        features: SegmentFeatures,
        pitch_shift: int = 0,
        seed: Sequence[int] = (0,),
        edges: float = 0.0,
    ) -> None:
        if not songs:
            raise ValueError("no songs; must be at least one")
        if pitch_shift < 0:
            raise ValueError(f"pitch_shift={pitch_shift} semitones; must be at least 0")
        self._songs, self._features = songs, features
        self._pitch_shift, self._seed, self._edges = pitch_shift, tuple(seed), edges
        mel = features.mel
        self._frames = [mel.frames(song.audio.samples_at(mel.sample_rate)) for song in songs]
        counts = [len(training_starts(length, features.frames, 0)) for length in self._frames]
        self._ends = np.cumsum(counts)  # of the songs' segments, counted through
        # Two, because segments of neighbouring passes meet in one batch.
        self._pass = lru_cache(maxsize=2)(self._draw_pass)

    @property
    def pass_length(self) -> int:
        """Counts the segments of a training pass."""
        return int(self._ends[-1])

    def training(self, position: int) -> Segment:
        """Reads the segment at a position in the endless stream of passes."""
        number, within_pass = divmod(position, self.pass_length)
        drawn = self._pass(number)
        segment = int(drawn.order[within_pass])
        song = int(np.searchsorted(self._ends, segment, side="right"))
        within = segment - (int(self._ends[song - 1]) if song else 0)
        starts = training_starts(
            self._frames[song], self._features.frames, int(drawn.draws[song]), self._edges
        )
        return self._songs[song].cut(
            int(starts[within]), int(drawn.shifts[segment]), self._features
        )

    def evaluation(self) -> Iterator[Segment]:
        """Reads all segments once: songs in order, each from its beginning, at their own pitch."""
        for song, length in zip(self._songs, self._frames):
            for start in evaluation_starts(length, self._features.frames):
                yield song.cut(int(start), 0, self._features)

    def _draw_pass(self, number: int) -> _Pass:
        # The order of these draws is that of every run so far: a change would change resumed ones.
        rng = np.random.default_rng([*self._seed, number])
        draws = rng.integers(0, np.iinfo(np.int32).max, len(self._songs))
        shift_draw = int(rng.integers(0, np.iinfo(np.int32).max))
        return _Pass(
            draws,
            rng.permutation(self.pass_length),
            training_shifts(self.pass_length, self._pitch_shift, shift_draw),
        )
