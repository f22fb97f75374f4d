"""What a network is told about the music it denoises."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from mt3synth.types import Array, Bool, Float, Int, JaxBatch


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
      notes: rows of a `mt3synth.symbolic.note_list`, ``[B, N, 5]``, or
        ``[B, N, 10]`` with curves; instrument -1 where padded.
      frames: when each frame begins, in frames from the segment's start, ``[B, T]``; beside
        ``notes``, which do not show how long the segment is.
      context: mel frames that end where the segment starts, network's range, ``[B, C, M]``.
      context_mask: True where ``context`` holds a frame, ``[B, C]``; the True are consecutive.
    """

    performance: Int[Array, " B"]
    # Flags for each segment, and not a field left out: branches of the guidance, and segments of
    # which training withholds something, lie side by side in one batch.
    keep_score: Bool[Array, " B"]
    keep_performance: Bool[Array, " B"]
    tokens: Int[Array, "B N"] | None = None
    token_times: Float[Array, "B N"] | None = None
    roll: Float[Array, "B T R"] | None = None
    notes: Float[Array, "B N D"] | None = None
    frames: Float[Array, "B T"] | None = None
    context: Float[Array, "B C M"] | None = None
    context_mask: Bool[Array, "B C"] | None = None


def conditions_of(
    batch: JaxBatch,
    keep_score: Bool[Array, " B"],
    keep_performance: Bool[Array, " B"],
    keep_context: Bool[Array, " B"] | None = None,
) -> Conditions:
    """Takes the conditions out of a batch.

    Args:
      batch: the features of some segments; those that are missing become None.
      keep_score, keep_performance: as in `Conditions`.
      keep_context: False where the context is withheld, which masks it from end to end. None keeps
        all.
    """
    roll, notes, mask = batch.get("roll"), batch.get("notes"), batch.get("context_mask")
    if mask is not None and keep_context is not None:
        # The frames stay where they are: nothing attends to what is masked, and shapes stay the
        # same.
        mask = mask & keep_context[:, None]
    return Conditions(
        performance=batch["performance"],
        keep_score=keep_score,
        keep_performance=keep_performance,
        tokens=batch.get("tokens"),
        token_times=batch.get("token_times"),
        roll=None if roll is None else roll.astype(jnp.float32),
        notes=notes,
        # A roll has a row for each frame. A list of notes does not say how many frames to sketch.
        frames=None if notes is None else frame_times(*batch["mel"].shape[:2]),
        context=batch.get("context"),
        context_mask=mask,
    )


def example_inputs(batch: JaxBatch) -> tuple[Any, ...]:
    """Makes arguments for a network's ``__call__``: zeros in the shapes of one segment."""
    # Of one segment: the shapes of parameters depend on the batch in all but its size.
    one = {name: jnp.zeros((1, *value.shape[1:]), value.dtype) for name, value in batch.items()}
    keep = jnp.ones(1, bool)
    return one["mel"].astype(jnp.float32), jnp.zeros(1), conditions_of(one, keep, keep)


def frame_times(batch: int, frames: int) -> Float[Array, "B T"]:
    """When each frame of each segment begins, counted in frames from the segment's start."""
    return jnp.tile(jnp.arange(frames, dtype=jnp.float32), (batch, 1))
