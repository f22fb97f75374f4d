"""Measures Group-FAD, and tells which performance a rendering is taken for.

Maman, Zeitler, Müller and Bermano, "Performance Conditioning for Diffusion-Based Multi-Instrument
Music Synthesis", ICASSP 2024, section 4: the embeddings of what was generated for a performance are
compared with those of that performance's own recordings alone (Group-FAD), and with those of every
performance; the nearest one should be the performance that was asked for (version classification).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mt3synth.errors import UserError
from mt3synth.evaluation.embeddings.gaussian import Shrinkage
from mt3synth.evaluation.embeddings.subsampling import Rows, Subset, equal_counts, gaussian_of
from mt3synth.evaluation.metrics.frechet import Fit, distance_between, fit
from mt3synth.types import FloatND, Int


@dataclass(frozen=True, eq=False)
class GroupDistances:
    """Holds Frechet distances of G generations to P groups of recordings.

    All come from the same two numbers of embeddings, so that any two may be compared.

    Attributes:
      generations: names of the rows.
      groups: names of the columns.
      distances: ``[G, P]``.
      generation_count: embeddings drawn of each generation.
      group_count: embeddings drawn of each group.
      most_negative: lowest eigenvalue of any covariance as a share of its greatest; 0 without a
        negative one.
    """

    generations: tuple[str, ...]
    groups: tuple[str, ...]
    distances: FloatND
    generation_count: int
    group_count: int
    most_negative: float

    def group_fad(self, targets: Mapping[str, str]) -> dict[str, float]:
        """Picks each generation's distance to the group that was asked for.

        Args:
          targets: the group of each generation.

        Raises:
          UserError: a generation without a target, or a target that is no group.
        """
        columns = self._columns(targets)
        return {
            name: float(self.distances[row, columns[row]])
            for row, name in enumerate(self.generations)
        }

    def classify(self, targets: Mapping[str, str], tops: Sequence[int] = (1, 3, 5)) -> Versions:
        """Counts how often the group that was asked for is the nearest, or among the nearest few.

        Args:
          targets: the group of each generation.
          tops: the values of k in "among the nearest k".

        Raises:
          UserError: a generation without a target, or a target that is no group.
        """
        columns = self._columns(targets)
        own = self.distances[np.arange(len(columns)), columns]
        # Groups as near as the target rank before it: a tie is no success.
        ranks = np.sum(self.distances <= own[:, None], axis=1)
        confusion = np.zeros((len(self.groups), len(self.groups)), np.int64)
        np.add.at(confusion, (columns, np.argmin(self.distances, axis=1)), 1)
        return Versions(
            groups=self.groups,
            accuracy={k: float(np.mean(ranks <= k)) for k in tops},
            chance={k: min(k / len(self.groups), 1.0) for k in tops},
            ranks={name: int(rank) for name, rank in zip(self.generations, ranks)},
            confusion=confusion,
        )

    def _columns(self, targets: Mapping[str, str]) -> np.ndarray:
        column_of = {group: column for column, group in enumerate(self.groups)}
        for name in self.generations:
            if name not in targets:
                raise UserError(f"{name}: no performance is given for it")
            if targets[name] not in column_of:
                raise UserError(f"{name}: performance {targets[name]} has no recordings")
        return np.array([column_of[targets[name]] for name in self.generations])


@dataclass(frozen=True, eq=False)
class Versions:
    """Holds what version classification found.

    Attributes:
      groups: names of the P groups.
      accuracy: share of the generations whose target is among the k nearest groups, by k.
      chance: that share if groups came in random order, by k.
      ranks: the target's rank among the groups, by generation; 1 is the nearest.
      confusion: how many generations of a target (row) are nearest to a group (column),
        int64 ``[P, P]``.
    """

    groups: tuple[str, ...]
    accuracy: dict[int, float]
    chance: dict[int, float]
    ranks: dict[str, int]
    confusion: Int[np.ndarray, "P P"]


def group_distances(
    generated: Mapping[str, Rows],
    groups: Mapping[str, Rows],
    seed: int,
    shrinkage: Shrinkage = None,
) -> GroupDistances:
    """Measures distances of all generations to all groups, of equal numbers of embeddings each.

    Args:
      generated: embeddings of each generation: of a piece, or of all pieces of a performance.
      groups: embeddings of each performance's recordings.
      seed: of the draws that make the numbers equal.
      shrinkage: see `mt3synth.evaluation.embeddings.gaussian.Gaussian.covariance`.

    Raises:
      UserError: nothing on a side, or one with too few embeddings; names it.
    """
    if not generated or not groups:
        raise UserError(f"{len(generated)} generations and {len(groups)} groups; need 1 of each")
    ours, theirs = equal_counts(generated, seed), equal_counts(groups, seed)
    smallest = [min(side, key=lambda name: len(side[name])) for side in (generated, groups)]
    # Groups are few and meet every generation: their roots are taken once and stay in memory.
    fitted = [_fit(rows, shrinkage, smallest[1]) for rows in theirs.values()]
    distances, negative = [], [each.most_negative for each in fitted]
    for rows in ours.values():  # one at a time, as there may be any number of pieces
        own = _fit(rows, shrinkage, smallest[0])
        negative.append(own.most_negative)
        distances.append([distance_between(own, each).value for each in fitted])
    return GroupDistances(
        generations=tuple(generated),
        groups=tuple(groups),
        distances=np.array(distances),
        generation_count=min(map(len, ours.values())),
        group_count=min(map(len, theirs.values())),
        most_negative=min(negative),
    )


def _fit(rows: Subset, shrinkage: Shrinkage, smallest: str) -> Fit:
    """Fits a Gaussian; too few rows are the fault of the set with fewest, as all get as many."""
    try:
        return fit(gaussian_of(rows), shrinkage)
    except UserError as error:
        raise UserError(f"{smallest}: {error}") from error
