"""Measures the Frechet distance between two sets of embeddings, its bias, and how sure it is.

The squared 2-Wasserstein distance between Gaussians fitted to the sets (Dowson and Landau, "The
Frechet distance between multivariate normal distributions", 1982; for audio Kilgour et al.,
"Frechet Audio Distance", Interspeech 2019):

    |m_a - m_b|^2 + trace(C_a) + trace(C_b) - 2 trace((C_a^1/2 C_b C_a^1/2)^1/2)

Fewer embeddings make it greater, by about slope / N: compare two distances only if they come from
the same numbers of embeddings (`equal_counts` of `mt3synth.evaluation.embeddings.subsampling`), or
by what they tend to (`fad_infinity`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mt3synth.errors import UserError
from mt3synth.evaluation.embeddings.gaussian import Gaussian, Shrinkage
from mt3synth.evaluation.embeddings.subsampling import Rows, gaussian_of
from mt3synth.evaluation.metrics.bootstrap import check_draws, middle
from mt3synth.types import FloatND


@dataclass(frozen=True, eq=False)
class Fit:
    """Holds a Gaussian made ready for distances: many to one cost one decomposition.

    Attributes:
      count: embeddings behind it.
      mean: ``[D]``.
      root: R with R R^T the covariance, ``[D D]``.
      negative: eigenvalues of the covariance that came out below zero, and were taken as zero.
      most_negative: the lowest of them as a share of the greatest eigenvalue; 0 without any. Past
        rounding (1e-12) the covariance was none.
      shrinkage: share of the identity in the covariance.
    """

    count: int
    mean: FloatND
    root: FloatND
    negative: int
    most_negative: float
    shrinkage: float


@dataclass(frozen=True)
class FrechetDistance:
    """Holds a distance, and how it came about.

    Attributes:
      value: means + spreads; never below zero but for rounding.
      means: the squared distance of the means.
      spreads: what the covariances add.
      counts: embeddings on either side.
      negative: eigenvalues of both covariances that came out below zero, and were taken as zero.
      most_negative: the lowest of them as a share of the greatest eigenvalue of its covariance.
      shrinkage: share of the identity in either covariance.
    """

    value: float
    means: float
    spreads: float
    counts: tuple[int, int]
    negative: int
    most_negative: float
    shrinkage: tuple[float, float]


def fit(embeddings: Gaussian, shrinkage: Shrinkage = None) -> Fit:
    """Takes the root of the covariance, by its eigenvalues.

    Raises:
      UserError: too few embeddings, see `Gaussian.covariance`.
    """
    # By eigenvalues and not Cholesky's factor: a covariance of few embeddings is singular, and its
    # rank may fall short by rounding alone. Negative ones are that rounding, and are told.
    values, vectors = np.linalg.eigh(embeddings.covariance(shrinkage))
    greatest = max(float(values[-1]), np.finfo(np.float64).tiny)
    return Fit(
        count=embeddings.count,
        mean=embeddings.mean,
        root=vectors * np.sqrt(np.maximum(values, 0)),
        negative=int(np.sum(values < 0)),
        most_negative=min(float(values[0]) / greatest, 0.0),
        shrinkage=0.0 if shrinkage is None else embeddings.shrinkage(shrinkage),
    )


def distance_between(a: Fit, b: Fit) -> FrechetDistance:
    """Measures the distance of two fitted Gaussians.

    The trace of the root of the symmetric product C_a^1/2 C_b C_a^1/2 is the sum of the singular
    values of R_b^T R_a, whose squares are the product's eigenvalues. To take them from the product
    itself would lose half of the digits, and find negative ones among them.

    Raises:
      ValueError: their dimensions differ.
    """
    if len(a.mean) != len(b.mean):
        raise ValueError(f"dimensions {len(a.mean)} and {len(b.mean)}; must be the same")
    # R R^T is the covariance, so the sum of the squares of R is its trace.
    means = float(np.sum((a.mean - b.mean) ** 2))
    overlap = float(np.sum(np.linalg.svd(b.root.T @ a.root, compute_uv=False)))
    spreads = float(np.sum(a.root**2) + np.sum(b.root**2)) - 2 * overlap
    return FrechetDistance(
        value=means + spreads,
        means=means,
        spreads=spreads,
        counts=(a.count, b.count),
        negative=a.negative + b.negative,
        most_negative=min(a.most_negative, b.most_negative),
        shrinkage=(a.shrinkage, b.shrinkage),
    )


def frechet_distance(a: Gaussian, b: Gaussian, shrinkage: Shrinkage = None) -> FrechetDistance:
    """Measures the distance of two sets of embeddings.

    Raises:
      UserError: too few embeddings on a side, see `Gaussian.covariance`.
      ValueError: their dimensions differ.
    """
    return distance_between(fit(a, shrinkage), fit(b, shrinkage))


@dataclass(frozen=True)
class FadInfinity:
    """Holds what the distance tends to with the number of generated embeddings.

    Attributes:
      value: the intercept. An estimate: it may fall below zero.
      slope: of the distance over 1 / N.
      r_squared: share of the distances' variance that the line explains; near 1 if it fits.
      counts: the numbers N.
      distances: the mean distance of N embeddings, for each.
    """

    value: float
    slope: float
    r_squared: float
    counts: tuple[int, ...]
    distances: tuple[float, ...]


def fad_infinity(
    generated: Rows,
    reference: Gaussian,
    seed: int,
    steps: int = 15,
    repeats: int = 5,
    least: int | None = None,
    most: int = 50_000,
    shrinkage: Shrinkage = None,
) -> FadInfinity:
    """Extrapolates the distance to infinitely many generated embeddings, by a line over 1 / N.

    Distances of ever more embeddings, drawn without replacement, are extrapolated by least squares
    (Chong and Forsyth, "Effectively Unbiased FID and Inception Score and where to find them", CVPR
    2020, section 4; for audio Gui et al., "Adapting Frechet Audio Distance for Generative Music
    Evaluation", ICASSP 2024). Several draws of each number are averaged, or the luck of the smaller
    ones would spread the intercept. The reference stays as it is, and so does its own bias.

    Args:
      generated: N embeddings of D dimensions; their order does not matter.
      reference: what they are compared with.
      seed: of the draws.
      steps: how many numbers N, evenly spaced up to all of them.
      repeats: draws of each number.
      least: the smallest N; without it a fifth of the greatest, but twice as many as there are
        dimensions: near their number the distance is no line over 1 / N, and the intercept too low.
      most: the greatest N, if there are so many; beyond, the bias is too small to be seen.
      shrinkage: see `Gaussian.covariance`.

    Raises:
      UserError: too few embeddings to vary their number.
      ValueError: fewer than 3 steps, or no draws.
    """
    if steps < 3:
        raise ValueError(f"steps={steps}; must be at least 3")
    if repeats < 1:
        raise ValueError(f"repeats={repeats}; must be at least 1")
    total, dimension = len(generated), reference.dimension
    greatest = min(total, most)
    if least is None:
        least = max(greatest // 5, 2 * dimension)
    counts = np.unique(np.linspace(least, greatest, steps).astype(int))
    # A line needs points that lie apart: the greatest number half as much again as the least.
    enough = max(least + 2, 3 * least // 2)
    if greatest < enough:
        raise UserError(
            f"{total} embeddings of {dimension} dimensions; extrapolating from {least} of them on"
            f" needs at least {enough}"
        )
    rng = np.random.default_rng(seed)
    fitted = fit(reference, shrinkage)  # once, as it stands on one side of every distance

    def mean_distance(count: int) -> float:
        # All embeddings can be drawn in one way only.
        draws = [rng.permutation(total)[:count] for _ in range(repeats if count < total else 1)]
        parts = [fit(gaussian_of(generated, rows), shrinkage) for rows in draws]
        return float(np.mean([distance_between(part, fitted).value for part in parts]))

    distances = np.array([mean_distance(int(count)) for count in counts])
    # The bias falls like 1 / N, so the intercept at 1 / N = 0 is the distance without it.
    slope, value = np.polyfit(1 / counts, distances, 1)
    left = np.sum((distances - value - slope / counts) ** 2)
    around = np.sum((distances - distances.mean()) ** 2)
    return FadInfinity(
        value=float(value),
        slope=float(slope),
        r_squared=float(1 - left / around) if around > 0 else 1.0,
        counts=tuple(int(n) for n in counts),
        distances=tuple(float(d) for d in distances),
    )


def frechet_interval(
    a: Sequence[Gaussian],
    b: Sequence[Gaussian],
    seed: int,
    draws: int = 200,
    level: float = 0.95,
    shrinkage: Shrinkage = None,
    centred: bool = False,
) -> tuple[float, float]:
    """Estimates lower and upper bound of the distance of two sets of recordings.

    Recordings are drawn anew with replacement on both sides, each with all its embeddings, which
    are alike. A draw holds fewer different recordings than the set itself, which makes its distance
    greater just as fewer embeddings do; so the draws are mirrored at the distance itself (the basic
    bootstrap of Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 5.2),
    and the interval lies around a distance without that bias: mostly below the plain one.

    With few recordings it is somewhat narrow. Simulated with 25 on either side, 60 times: at level
    0.9 it held the true distance in 83 % (2 and 6 dimensions), where percentiles of the draws did
    in 87 % and 58 %.

    Args:
      a: embeddings of each recording of one side; looked at one by one, and may be made then.
      b: of the other.
      seed: of the draws.
      draws: how many.
      level: share of the draws inside the interval.
      shrinkage: see `Gaussian.covariance`.
      centred: mirror the draws at their own mean. The interval then lies around the plain distance,
        with its bias. Draws of few embeddings lie so much higher than the distance itself that,
        mirrored there, they would say nothing.

    Raises:
      UserError: too few recordings or embeddings on a side.
      ValueError: no draws, or a level outside (0, 1).
    """
    check_draws(draws, level)
    for side in (a, b):
        if len(side) < 2:
            raise UserError(f"{len(side)} recordings on a side; an interval needs at least 2")
    rng = np.random.default_rng(seed)
    whole, *drawn = (
        frechet_distance(*sides, shrinkage).value
        for sides in zip(_redrawn(a, draws, rng), _redrawn(b, draws, rng))
    )
    low, high = middle(drawn, level)
    # At the distance itself, for the draws lie above it by about what it lies too high.
    mirror = float(np.mean(drawn)) if centred else whole
    return whole + mirror - high, whole + mirror - low


def _redrawn(side: Sequence[Gaussian], draws: int, rng: np.random.Generator) -> list[Gaussian]:
    """Adds up a side's recordings, all and in each draw; every recording is looked at once."""
    # How often each recording is in each draw: so each is made once, and then only added up.
    times = rng.multinomial(len(side), np.full(len(side), 1 / len(side)), size=draws)
    totals: list[Gaussian] = []
    for index in range(len(side)):
        part = side[index]
        totals = totals or [Gaussian(part.dimension) for _ in range(1 + draws)]
        for total, count in zip(totals, (1, *times[:, index])):
            for _ in range(count):
                total.merge(part)
    return totals
