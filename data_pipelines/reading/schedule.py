"""Decides from which source each segment of a mixture is drawn, in a resumable order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice

import numpy as np

CYCLE = 1000
"""Segments in which every source has its share exactly."""


@dataclass(frozen=True)
class Schedule:
    """Decides from which source each item of an endless mixture is drawn.

    In every ``CYCLE`` items each source has the same number, in an order drawn anew. So how many
    came from which source before any item is known without going through them.

    Attributes:
      shares: items of each source in a cycle.
      seed: of the order.
    """

    shares: tuple[int, ...]
    seed: int

    @staticmethod
    def of(rates: Sequence[float], seed: int) -> Schedule:
        """Shares as near to ``rates`` as whole numbers come, but at least one for each source.

        Raises:
          ValueError: a rate that is not positive, or more sources than a cycle has items.
        """
        if not rates or len(rates) > CYCLE or not all(0 < r < float("inf") for r in rates):
            raise ValueError(f"rates={list(rates)}; must be 1..{CYCLE} positive numbers")
        exact = np.asarray(rates) / np.sum(rates) * CYCLE
        shares = np.maximum(1, np.floor(exact)).astype(int)
        # What rounding left over goes where it is missed most, what it took comes from the largest.
        while (missing := CYCLE - int(shares.sum())) != 0:
            nearest = np.argmax(exact - shares) if missing > 0 else np.argmax(shares)
            shares[nearest] += 1 if missing > 0 else -1
        return Schedule(tuple(shares.tolist()), seed)

    def drawn_before(self, item: int) -> tuple[int, ...]:
        """Counts how many of the items before number ``item`` come from each source."""
        cycles, rest = divmod(item, CYCLE)
        begun = np.bincount(self._cycle(cycles)[:rest], minlength=len(self.shares))
        return tuple(cycles * share + int(further) for share, further in zip(self.shares, begun))

    def sources(self, start: int = 0) -> Iterator[int]:
        """Yields the source of item number ``start``, of the next, and so on without end."""
        first, skipped = divmod(start, CYCLE)
        yield from islice(self._cycle(first).tolist(), skipped, None)
        for number in count(first + 1):
            yield from self._cycle(number).tolist()

    def _cycle(self, number: int) -> np.ndarray:
        every = np.repeat(np.arange(len(self.shares)), self.shares)
        return np.random.default_rng([self.seed, number]).permutation(every)
