"""The score of a song, window by window, as the network of a model reads it."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from mt3synth.model_spec import ModelSpec
from mt3synth.models.conditions import Conditions
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.roll import SongRoll
from mt3synth.symbolic.tokenizer import SongTokens, pad_segment
from mt3synth.types import Int

_TOKEN_BUCKET = 64
"""Token lengths are rounded up to a multiple of this, to keep compiled shapes few."""


class ScoreWindows:
    """Conditions for any windows of one song."""

    def __init__(self, notes: Notes, spec: ModelSpec) -> None:
        self._spec = spec
        self._roll = SongRoll(notes, spec.roll) if "roll" in spec.features else None
        self._tokens = (
            SongTokens(notes, spec.codec, spec.mel.frame_rate)
            if "tokens" in spec.features
            else None
        )

    def conditions(
        self, starts: Sequence[int] | Int[np.ndarray, " W"], size: int, performance: int
    ) -> Conditions:
        """Conditions of the windows that begin at frames ``starts``, filled up to ``size`` rows.

        The rows beyond ``starts`` repeat the last one.
        """
        rows = [int(start) for start in starts] + [int(starts[-1])] * (size - len(starts))
        roll = tokens = times = None
        if self._roll is not None:
            roll = jnp.asarray(
                np.stack([self._roll.window(start, self._spec.window) for start in rows])
            )
        if self._tokens is not None:
            segments = [self._tokens.segment(start, self._spec.window) for start in rows]
            longest = max(len(segment.tokens) for segment in segments)
            length = -(-longest // _TOKEN_BUCKET) * _TOKEN_BUCKET
            padded = [pad_segment(segment, length) for segment in segments]
            tokens = jnp.asarray(np.stack([segment.tokens for segment in padded]))
            times = jnp.asarray(np.stack([segment.times for segment in padded]))
        return Conditions(
            performance=jnp.full(size, performance, jnp.int32),
            keep_score=jnp.ones(size, bool),
            keep_performance=jnp.ones(size, bool),
            tokens=tokens,
            token_times=times,
            roll=roll,
        )
