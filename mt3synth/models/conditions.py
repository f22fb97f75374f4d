"""What a network is told about the music it denoises."""

from __future__ import annotations

from typing import NamedTuple

from mt3synth.types import Array, Bool, Float, Int


class Conditions(NamedTuple):
    """Score and performance of each segment in a batch.

    A score encoder reads the fields it understands and says so if one is missing. A condition
    that is not kept is replaced by a learned null embedding (classifier-free guidance, Ho &
    Salimans 2022, arXiv 2207.12598).

    Attributes:
      performance: index of the performance, ``[B]``.
      keep_score: False where the score is withheld, ``[B]``.
      keep_performance: False where the performance is withheld, ``[B]``.
      tokens: note-event tokens, zero where padded, ``[B, N]``.
      token_times: when each token happens, in frames from the segment's start, ``[B, N]``.
      roll: piano roll at the frame rate, ``[B, T, R]``.
    """

    performance: Int[Array, " B"]
    keep_score: Bool[Array, " B"]
    keep_performance: Bool[Array, " B"]
    tokens: Int[Array, "B N"] | None = None
    token_times: Float[Array, "B N"] | None = None
    roll: Float[Array, "B T R"] | None = None
