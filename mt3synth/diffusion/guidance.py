"""Guidance on notes and on performance: which branches to compute, when, and how to join them."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Literal, NamedTuple, get_args

import jax.numpy as jnp

from mt3synth.types import Array, Float

GuidanceKind = Literal["joint", "compositional"]
ALL_TIMES = (0.0, 1.0)
"""The interval of guidance at every step."""


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
      interval: diffusion times, from and to, at which there is guidance; at all others one branch
        with both conditions does (Kynkäänniemi et al. 2024, arXiv 2404.07724).
      rescale: share, 0 to 1, in which a guided prediction gets back the standard deviation of the
        one with both conditions, window by window, for large weights inflate it (Lin et al. 2023,
        arXiv 2305.08891, eq. 15 and 16).

    Raises:
      ValueError: a negative or non-finite weight, an unknown kind, times that are no interval
        within 0 and 1, or a share beyond these.
    """

    notes: float = 1.25
    performance: float = 1.25
    kind: GuidanceKind = "joint"
    interval: tuple[float, float] = ALL_TIMES
    rescale: float = 0.0

    def __post_init__(self) -> None:
        for name in ("notes", "performance"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"guidance on {name} is {getattr(self, name)}; must be at least 0")
        if self.kind not in get_args(GuidanceKind):
            raise ValueError(
                f"guidance kind {self.kind!r} is unknown; choose one of {get_args(GuidanceKind)}"
            )
        times: tuple[float, ...] = tuple(self.interval)
        object.__setattr__(self, "interval", times)  # of a list, which cannot be hashed
        numbers = len(times) == 2 and all(isinstance(time, Real) for time in times)
        if not (numbers and 0 <= times[0] < times[1] <= 1):
            raise ValueError(
                f"guidance interval is {times}; must be two times, the first below the second, "
                "within 0 and 1"
            )
        if not 0 <= self.rescale <= 1:
            raise ValueError(f"guidance rescale is {self.rescale}; must be between 0 and 1")

    def branches(self) -> tuple[Branch, ...]:
        """The branches that count; one whose weight is zero is left out and never computed.

        Where others are measured by it or it may stand alone the one with both conditions is the
        first, whatever its weight.
        """
        if self.kind == "joint":
            all_branches: tuple[Branch, ...] = (
                # The formula in the docstring, its terms collected by branch.
                Branch(True, True, self.notes + self.performance - 1),
                Branch(False, True, 1 - self.notes),
                Branch(True, False, 1 - self.performance),
            )
        else:
            all_branches = (
                # Only for an interval or a rescaling; by itself it has no share in this form.
                Branch(True, True, 0.0),
                Branch(False, False, 1 - self.notes - self.performance),
                Branch(True, False, self.notes),
                Branch(False, True, self.performance),
            )
        # All others are left out if they weigh nothing: with both weights at 1 one evaluation of
        # three is left.
        plain = 1 if self.rescale or self.interval != ALL_TIMES else 0
        return all_branches[:plain] + tuple(b for b in all_branches[plain:] if b.weight != 0)

    def combine(self, predictions: Float[Array, "G B T M"]) -> Float[Array, "B T M"]:
        """The guided prediction from those of ``branches()``, in their order."""
        weights = jnp.asarray([b.weight for b in self.branches()], predictions.dtype)
        guided = jnp.tensordot(weights, predictions, axes=1)
        if not self.rescale:
            return guided
        # Over a whole window: over single frames it would level out what is loud and what is soft.
        plain_scale, scale = (
            jnp.std(frames, axis=(1, 2), keepdims=True) for frames in (predictions[0], guided)
        )
        return guided * (self.rescale * plain_scale / scale + (1 - self.rescale))
