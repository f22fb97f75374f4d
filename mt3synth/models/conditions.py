"""What a network is told about the music it denoises."""

from __future__ import annotations

from typing import NamedTuple

from mt3synth.types import Array, Bool, Float, Int


class Conditions(NamedTuple):
    """Score, performance and what came before, for each segment in a batch.

    A network reads the fields it understands and says so if one is missing. A score or performance
    that is not kept is replaced by the network's own null (classifier-free guidance, Ho & Salimans
    2022, arXiv 2207.12598). A context is withheld by a mask without any True, which is also how a
    segment says that nothing came before it.

    Attributes:
      performance: index of the performance, ``[B]``.
      keep_score: False where the score is withheld, ``[B]``.
      keep_performance: False where the performance is withheld, ``[B]``.
      tokens: note-event tokens, zero where padded, ``[B, N]``.
      token_times: when each token happens, in frames from the segment's start, ``[B, N]``.
      roll: piano roll at the frame rate, ``[B, T, R]``.
      context: mel frames that end where the segment starts, network's range, ``[B, C, M]``.
      context_mask: True where ``context`` holds a frame, ``[B, C]``; the True are consecutive.
    """

    performance: Int[Array, " B"]
    keep_score: Bool[Array, " B"]
    keep_performance: Bool[Array, " B"]
    tokens: Int[Array, "B N"] | None = None
    token_times: Float[Array, "B N"] | None = None
    roll: Float[Array, "B T R"] | None = None
    context: Float[Array, "B C M"] | None = None
    context_mask: Bool[Array, "B C"] | None = None
