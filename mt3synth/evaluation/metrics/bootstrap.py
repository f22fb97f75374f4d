"""Estimates confidence intervals of pooled figures.

The percentile bootstrap: the excerpts are drawn anew with replacement, the pooled figure is
computed from each draw, and the interval holds the middle of what comes out (Efron and Tibshirani,
"An Introduction to the Bootstrap", 1993, chapter 13). It tells how much the figure depends on
which excerpts were chosen, and nothing about other corpora.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from mt3synth.types import FloatND

Item = TypeVar("Item")


def bootstrap_interval(
    items: Sequence[Item],
    statistic: Callable[[Sequence[Item]], float],
    seed: int,
    draws: int = 1000,
    level: float = 0.95,
) -> tuple[float, float]:
    """Estimates lower and upper bound of ``statistic``.

    Args:
      items: one for each excerpt; what belongs to one excerpt stays together.
      statistic: the pooled figure of a list of items.
      seed: of the draws.
      draws: how many lists are drawn.
      level: share of the draws inside the interval.

    Returns:
      The bounds. Draws for which the statistic is not a number are left out; where it never is a
      number, neither are the bounds. Nor are they for a single item, whose draws are all the same.

    Raises:
      ValueError: no items, no draws, or a level outside (0, 1).
    """
    if not len(items):
        raise ValueError("there are no items to draw from; give at least 1")
    check_draws(draws, level)
    # An interval of no width would claim a certainty that a single excerpt cannot give.
    if len(items) == 1:
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    # Whole excerpts are drawn, not their notes or seams: what belongs to one excerpt is alike.
    chosen = rng.integers(len(items), size=(draws, len(items)))
    # Of a few excerpts most draws come more than once: 1000 of three are 27 different ones.
    distinct, which = np.unique(chosen, axis=0, return_inverse=True)
    each = np.array([statistic([items[i] for i in row]) for row in distinct], float)
    values = each[which.reshape(-1)]
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan"), float("nan")
    return middle(values, level)


def check_draws(draws: int, level: float) -> None:
    """Checks how many draws an interval is asked of, and at which level.

    Raises:
      ValueError: no draws, or a level outside (0, 1).
    """
    if draws < 1:
        raise ValueError(f"draws={draws}; must be at least 1")
    if not 0 < level < 1:
        raise ValueError(f"level={level}; must be between 0 and 1")


def middle(values: Sequence[float] | FloatND, level: float) -> tuple[float, float]:
    """Returns the bounds between which the share ``level`` of the values lies, in their middle."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
