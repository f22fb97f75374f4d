"""Guidance on notes and on performance: which branches to compute, and how to join them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import jax.numpy as jnp

from mt3synth.types import Array, Float

GuidanceKind = Literal["joint", "compositional"]


class Branch(NamedTuple):
    """One evaluation of the network: which conditions it sees and how much it counts."""

    keep_score: bool
    keep_performance: bool
    weight: float


@dataclass(frozen=True)
class Guidance:
    """Classifier-free guidance with a weight for each condition (Maman et al., arXiv 2309.12283).

    With e(n, p) the prediction given notes and performance and 0 for a withheld condition:

    - ``joint``: e(n,p) + (w_n - 1)(e(n,p) - e(0,p)) + (w_p - 1)(e(n,p) - e(n,0))
    - ``compositional``: e(0,0) + w_n (e(n,0) - e(0,0)) + w_p (e(0,p) - e(0,0))

    Both are sums of branches whose weights add up to 1; since eps, x0 and v differ by terms that
    all branches share, the sum may be taken of any of them.

    Attributes:
      notes: w_n; 1 follows the score as trained.
      performance: w_p; 1 follows the performance as trained.
      kind: one of the two forms above.

    Raises:
      ValueError: a negative or non-finite weight, or an unknown kind.
    """

    notes: float = 1.25
    performance: float = 1.25
    kind: GuidanceKind = "joint"

    def __post_init__(self) -> None:
        for name in ("notes", "performance"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"guidance on {name} is {getattr(self, name)}; must be at least 0")
        if self.kind not in get_args(GuidanceKind):
            raise ValueError(
                f"guidance kind {self.kind!r} is unknown; choose one of {get_args(GuidanceKind)}"
            )

    def branches(self) -> tuple[Branch, ...]:
        """The branches that count; one whose weight is zero is left out and never computed."""
        if self.kind == "joint":
            all_branches = (
                Branch(True, True, self.notes + self.performance - 1),
                Branch(False, True, 1 - self.notes),
                Branch(True, False, 1 - self.performance),
            )
        else:
            all_branches = (
                Branch(False, False, 1 - self.notes - self.performance),
                Branch(True, False, self.notes),
                Branch(False, True, self.performance),
            )
        return tuple(branch for branch in all_branches if branch.weight != 0)

    def combine(self, predictions: Float[Array, "G B T M"]) -> Float[Array, "B T M"]:
        """The guided prediction from those of ``branches()``, in their order."""
        weights = jnp.asarray([b.weight for b in self.branches()], predictions.dtype)
        return jnp.tensordot(weights, predictions, axes=1)
