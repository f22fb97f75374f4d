"""A batch as a network takes it."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from mt3synth.models.conditions import Conditions
from mt3synth.types import Array, JaxBatch


def conditions_of(
    batch: JaxBatch,
    keep_score: Array,
    keep_performance: Array,
    keep_context: Array | None = None,
) -> Conditions:
    """The conditions in a batch; ``keep_*`` are bool ``[B]``.

    A context that is not kept is masked from end to end. Without ``keep_context`` all are kept.
    """
    roll, mask = batch.get("roll"), batch.get("context_mask")
    if mask is not None and keep_context is not None:
        mask = mask & keep_context[:, None]
    return Conditions(
        performance=batch["performance"],
        keep_score=keep_score,
        keep_performance=keep_performance,
        tokens=batch.get("tokens"),
        token_times=batch.get("token_times"),
        roll=None if roll is None else roll.astype(jnp.float32),
        context=batch.get("context"),
        context_mask=mask,
    )


def example_inputs(batch: JaxBatch) -> tuple[Any, ...]:
    """Arguments of a network's ``__call__``: zeros in the shapes of one segment of ``batch``."""
    one = {name: jnp.zeros((1, *value.shape[1:]), value.dtype) for name, value in batch.items()}
    keep = jnp.ones(1, bool)
    return one["mel"].astype(jnp.float32), jnp.zeros(1), conditions_of(one, keep, keep)
