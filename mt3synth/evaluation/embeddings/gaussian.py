"""Computes mean and covariance of a stream of embeddings, without keeping them.

Partial results merge by the pairwise update of Chan, Golub and LeVeque, "Updating formulae and a
pairwise algorithm for computing sample variances", 1979: sums are always about the mean, so that
nothing cancels however far from zero the embeddings lie. All in float64.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from mt3synth.errors import UserError
from mt3synth.types import Float, FloatND

Shrinkage = Literal["ledoit-wolf"] | float | None
"""How a covariance is drawn towards a multiple of the identity: by the share that Ledoit and Wolf
estimate, by a share in [0, 1], or not at all."""


class Gaussian:
    """Sums up count, mean and scatter of D-dimensional embeddings, in any number of parts.

        Gaussian(dimension=32).add(rows).add(more).covariance()

    Memory is a few times D * D, whatever the number of embeddings.

    Args:
      dimension: D.

    Raises:
      ValueError: ``dimension`` below 1.
    """

    def __init__(self, dimension: int) -> None:
        if dimension < 1:
            raise ValueError(f"dimension={dimension}; must be at least 1")
        self.dimension = dimension
        self.count = 0
        self.mean = np.zeros(dimension)
        self._scatter = np.zeros((dimension, dimension))  # sum of y y^T; y counts from the mean
        # Two more for Ledoit and Wolf's share, which asks how far each y y^T is from their mean.
        self._third = np.zeros(dimension)  # sum of |y|^2 y
        self._fourth = 0.0  # sum of |y|^4

    @staticmethod
    def of(embeddings: Float[np.ndarray, "N D"]) -> Gaussian:
        """Takes in all rows at once."""
        return Gaussian(embeddings.shape[1]).add(embeddings)

    def add(self, embeddings: Float[np.ndarray, "N D"]) -> Gaussian:
        """Takes in N more embeddings, and returns itself.

        Raises:
          ValueError: they have another dimension, or a value that is not finite.
        """
        if embeddings.ndim != 2 or embeddings.shape[1] != self.dimension:
            raise ValueError(f"embeddings {embeddings.shape}; must be [N, {self.dimension}]")
        rows = embeddings.astype(np.float64)
        if not len(rows):
            return self
        if not np.isfinite(rows).all():
            bad = int(np.sum(~np.isfinite(rows).all(axis=1)))
            raise ValueError(f"{bad} of {len(rows)} embeddings are not finite")
        part = Gaussian(self.dimension)
        part.count, part.mean = len(rows), rows.mean(axis=0)
        rows -= part.mean
        squares = np.einsum("nd,nd->n", rows, rows)
        part._scatter = rows.T @ rows
        part._third = squares @ rows
        part._fourth = float(squares @ squares)
        return self.merge(part)

    def merge(self, other: Gaussian) -> Gaussian:
        """Takes in all that ``other`` has seen, and returns itself; the order does not matter.

        Raises:
          ValueError: ``other`` has another dimension.
        """
        if other.dimension != self.dimension:
            raise ValueError(f"dimension {other.dimension}; must be {self.dimension}")
        count = self.count + other.count
        if not count:
            return self
        mean = self.mean + (other.mean - self.mean) * (other.count / count)
        sums = [g._about(mean) for g in (self, other)]
        self.count, self.mean = count, mean
        self._scatter, self._third, self._fourth = (a + b for a, b in zip(*sums))
        return self

    def covariance(self, shrinkage: Shrinkage = None) -> Float[np.ndarray, "D D"]:
        """Returns the unbiased covariance, shrunk where asked: ``(1 - s) C + s trace(C) / D I``.

        Raises:
          UserError: not more embeddings than dimensions, so that it cannot have full rank, and no
            shrinkage asked for; or fewer than two embeddings.
          ValueError: a share outside [0, 1].
        """
        if self.count < 2:
            raise UserError(f"{self.count} embeddings have no covariance; need at least 2")
        if shrinkage is None and self.count <= self.dimension:
            raise UserError(
                f"{self.count} embeddings of {self.dimension} dimensions; need at least"
                f" {self.dimension + 1}: give more audio, take an embedding of fewer dimensions,"
                " or ask for shrinkage"
            )
        share = 0.0 if shrinkage is None else self.shrinkage(shrinkage)
        covariance = self._scatter / (self.count - 1)
        # The identity's multiple has the same trace, so that shrinking changes shape, not spread.
        level = np.trace(covariance) / self.dimension
        return (1 - share) * covariance + share * level * np.eye(self.dimension)

    def shrinkage(self, shrinkage: Literal["ledoit-wolf"] | float) -> float:
        """Gives the share in [0, 1]: as asked, or by Ledoit and Wolf.

        See "A well-conditioned estimator for large-dimensional covariance matrices", 2004, lemmas
        3.2 to 3.4.

        Raises:
          ValueError: outside [0, 1], or another name.
        """
        if shrinkage == "ledoit-wolf":
            return self._ledoit_wolf()
        if isinstance(shrinkage, str) or not 0 <= shrinkage <= 1:
            raise ValueError(f"shrinkage={shrinkage!r}; must be 'ledoit-wolf' or in [0, 1]")
        return float(shrinkage)

    def _ledoit_wolf(self) -> float:
        covariance = self._scatter / self.count  # theirs is the biased one
        norm = float(np.sum(covariance**2))
        spread = norm - float(np.trace(covariance)) ** 2 / self.dimension
        error = (self._fourth / self.count - norm) / self.count
        # Never beyond 1, and none where the covariance is that multiple of the identity already.
        return min(error, spread) / spread if spread > 0 else 0.0

    def _about(self, centre: FloatND) -> tuple[FloatND, FloatND, float]:
        """Shifts scatter, third and fourth sums from the mean to ``centre``."""
        shift = self.mean - centre
        square, trace = float(shift @ shift), float(np.trace(self._scatter))
        pushed = self._scatter @ shift
        scatter = self._scatter + self.count * np.outer(shift, shift)
        third = self._third + (trace + self.count * square) * shift + 2 * pushed
        fourth = (
            self._fourth
            + 4 * float(self._third @ shift + shift @ pushed)
            + (2 * trace + self.count * square) * square
        )
        return scatter, third, fourth
