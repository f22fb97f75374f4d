"""Draws equal numbers of embeddings from sets that need not fit into memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from mt3synth.errors import UserError
from mt3synth.evaluation.embeddings.gaussian import Gaussian
from mt3synth.types import Float, Int

_BLOCK = 4096  # embeddings in memory at once


@runtime_checkable
class Rows(Protocol):
    """N embeddings of D dimensions: an array ``[N D]``, or what reads them where they lie."""

    def __len__(self) -> int: ...

    def __getitem__(self, positions: Int[np.ndarray, " n"], /) -> Float[np.ndarray, "n D"]: ...


@dataclass(frozen=True, eq=False)
class Subset:
    """A subset of other `Rows`, read when it is indexed.

    Attributes:
      rows: the others.
      positions: which of them.
    """

    rows: Rows
    positions: Int[np.ndarray, " N"]

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, positions: Int[np.ndarray, " n"], /) -> Float[np.ndarray, "n D"]:
        return self.rows[self.positions[positions]]


def gaussian_of(rows: Rows, positions: Int[np.ndarray, " n"] | None = None) -> Gaussian:
    """Takes mean and covariance of rows, or of those at ``positions``, some thousand at a time."""
    chosen = np.arange(len(rows)) if positions is None else np.sort(positions)
    total = Gaussian(rows[chosen[:0]].shape[1])
    for begin in range(0, len(chosen), _BLOCK):
        total.add(rows[chosen[begin : begin + _BLOCK]])
    return total


def equal_counts(
    sets: Mapping[str, Rows], seed: int, count: int | None = None
) -> dict[str, Subset]:
    """Draws as many embeddings of each set, without replacement, and keeps their order.

    A set's draw depends on the seed and on its name, not on the other sets.

    Args:
      sets: embeddings by name.
      seed: of the draws.
      count: N; without it as many as the smallest set has.

    Raises:
      UserError: a set has fewer than ``count``.
    """
    sizes = {name: len(rows) for name, rows in sets.items()}
    least = min(sizes.values(), default=0)
    count = least if count is None else count
    drawn = {}
    for name, size in sizes.items():
        if size < count:
            raise UserError(f"{name}: {size} embeddings; need {count}")
        rng = np.random.default_rng([seed, *name.encode()])
        drawn[name] = Subset(sets[name], np.sort(rng.permutation(size)[:count]))
    return drawn
