"""The score of a song, window by window, as the network of a model reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from mt3synth.model_spec import ModelSpec
from mt3synth.models.conditions import Conditions, frame_times
from mt3synth.symbolic.note_list import SongNoteList, pad_rows
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.roll import SongRoll
from mt3synth.symbolic.tokenizer import SongTokens, pad_segment
from mt3synth.types import Bool, Float, Int

_TOKEN_BUCKET = 64
"""Token lengths are rounded up to a multiple of this, to keep compiled shapes few."""

_LEAST_NOTES = 128
"""Rows of the shortest list of notes: hardly a window of chamber music has more, so that a song is
traced once, which takes longer than all the rows that hold no note."""


class FinishedFrames(NamedTuple):
    """What a song sounds like before a segment.

    Attributes:
      context: frames that end where the segment starts, network's range.
      mask: True where they lie in the song.
    """

    context: Float[np.ndarray, "C M"]
    mask: Bool[np.ndarray, " C"]

    @staticmethod
    def none(count: int, bins: int) -> FinishedFrames:
        """No frames: all ``count`` are masked."""
        # Zeros that nothing attends to, so that the first segment goes through the program of all
        # others.
        return FinishedFrames(np.zeros((count, bins), np.float32), np.zeros(count, bool))

    def then(self, frames: Float[np.ndarray, "T M"]) -> FinishedFrames:
        """Those before the next segment, when this one is finished."""
        count = len(self.mask)
        return FinishedFrames(
            np.concatenate([self.context, frames])[-count:],
            np.concatenate([self.mask, np.ones(len(frames), bool)])[-count:],
        )


class ScoreWindows:
    """Conditions for any windows of one song.

    A network may read tokens, a roll or both; what it does not read is not made.
    """

    def __init__(self, notes: Notes, spec: ModelSpec) -> None:
        self._spec = spec
        # The song is placed once; windows only cut out of it.
        self._roll = SongRoll(notes, spec.roll) if "roll" in spec.features else None
        self._tokens = (
            SongTokens(notes, spec.codec, spec.mel.frame_rate)
            if "tokens" in spec.features
            else None
        )
        self._notes = None
        # The settings of the roll decide on groups and drums here, too: one model tells instruments
        # apart in one way.
        if "notes" in spec.features:
            self._notes = SongNoteList(
                notes,
                spec.roll.groups,
                spec.mel.frame_rate,
                spec.roll.drum_seconds,
                spec.has_curves,
            )

    def conditions(
        self,
        starts: Sequence[int] | Int[np.ndarray, " W"],
        size: int,
        performance: int,
        before: FinishedFrames | None = None,
    ) -> Conditions:
        """Conditions of the windows that begin at frames ``starts``, filled up to ``size`` rows.

        The rows beyond ``starts`` repeat the last one.

        Args:
          starts: at least one.
          size: rows.
          performance: index of the performance, the same for all.
          before: what all these windows are told of the frames before them; by default a network
            that reads a context is told that there are none.
        """
        rows = [int(start) for start in starts] + [int(starts[-1])] * (size - len(starts))
        roll = tokens = times = None
        if self._roll is not None:
            roll = jnp.asarray(
                np.stack([self._roll.window(start, self._spec.segment_frames) for start in rows])
            )
        if self._tokens is not None:
            segments = [self._tokens.segment(start, self._spec.segment_frames) for start in rows]
            longest = max(len(segment.tokens) for segment in segments)
            # As long as the longest and no longer: the encoder's cost grows with the square of the
            # tokens.
            length = -(-longest // _TOKEN_BUCKET) * _TOKEN_BUCKET
            padded = [pad_segment(segment, length) for segment in segments]
            tokens = jnp.asarray(np.stack([segment.tokens for segment in padded]))
            times = jnp.asarray(np.stack([segment.times for segment in padded]))
        listed = frames = None
        if self._notes is not None:
            listed = jnp.asarray(
                pad_rows(
                    [self._notes.segment(start, self._spec.segment_frames) for start in rows],
                    _LEAST_NOTES,
                )
            )
            frames = frame_times(size, self._spec.segment_frames)
        context = mask = None
        if "context" in self._spec.features:
            if before is None:
                before = FinishedFrames.none(self._spec.network.context_frames, self._spec.mel.bins)
            context, mask = (jnp.tile(each, (size,) + (1,) * each.ndim) for each in before)
        return Conditions(
            performance=jnp.full(size, performance, jnp.int32),
            # Nothing is withheld here; branches of the guidance do that.
            keep_score=jnp.ones(size, bool),
            keep_performance=jnp.ones(size, bool),
            tokens=tokens,
            token_times=times,
            roll=roll,
            notes=listed,
            frames=frames,
            context=context,
            context_mask=mask,
        )
