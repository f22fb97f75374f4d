"""Frechet distances whose value is known, and what they must not change under."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.stats import ortho_group

from mt3synth.errors import UserError
from mt3synth.evaluation.embeddings.gaussian import Gaussian
from mt3synth.evaluation.metrics.frechet import (
    distance_between,
    fad_infinity,
    fit,
    frechet_distance,
    frechet_interval,
)


def with_moments(mean: np.ndarray, covariance: np.ndarray, count: int = 60) -> np.ndarray:
    """Makes rows that have exactly this mean and this unbiased covariance."""
    rows = np.random.default_rng(count).normal(0, 1, (count, len(mean)))
    rows -= rows.mean(axis=0)
    white = rows @ np.linalg.inv(np.linalg.cholesky(np.cov(rows, rowvar=False))).T
    return mean + white @ np.linalg.cholesky(covariance).T


def random_rows(count: int, seed: int, dimension: int = 8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, (count, dimension)) @ rng.normal(0, 1, (dimension, dimension)) + seed


def test_gaussians_that_differ_in_mean_and_scale() -> None:
    # Commuting covariances: |m|^2 + sum (sqrt(a) - sqrt(b))^2.
    a = Gaussian.of(with_moments(np.zeros(3), np.diag([1.0, 4.0, 9.0])))
    b = Gaussian.of(with_moments(np.array([3.0, 0, 4.0]), np.diag([4.0, 4.0, 1.0]), count=40))
    result = frechet_distance(a, b)
    assert result.means == pytest.approx(25, rel=1e-12)
    assert result.spreads == pytest.approx(1 + 0 + 4, rel=1e-12)
    assert result.value == result.means + result.spreads
    assert result.counts == (60, 40)
    assert (result.negative, result.most_negative, result.shrinkage) == (0, 0.0, (0.0, 0.0))


def test_a_line_of_points_in_the_plane_has_one_quarter_of_a_disc() -> None:
    # C_a = diag(1, 0), C_b = I: trace 1 + 2 - 2 * 1.
    line = np.array([[1.0, 0], [-1, 0], [1, 0], [-1, 0]]) * np.sqrt(3 / 4)
    disc = with_moments(np.zeros(2), np.eye(2))
    assert frechet_distance(Gaussian.of(line), Gaussian.of(disc)).value == pytest.approx(1)


def test_same_as_by_the_matrix_square_root_of_scipy() -> None:
    a, b = random_rows(50, 1), random_rows(70, 2)
    covariances = [np.cov(x, rowvar=False) for x in (a, b)]
    product = sqrtm(covariances[0] @ covariances[1])
    expected = np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2) + np.trace(
        covariances[0] + covariances[1] - 2 * product.real
    )
    assert frechet_distance(Gaussian.of(a), Gaussian.of(b)).value == pytest.approx(
        expected, rel=1e-9
    )


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_set_is_at_no_distance_from_itself(scale: float) -> None:
    rows = random_rows(40, 3) * scale
    result = frechet_distance(Gaussian.of(rows), Gaussian.of(rows))
    assert abs(result.value) < 1e-12 * scale**2 * np.trace(np.cov(rows / scale, rowvar=False))


def test_dimensions_without_spread_cost_no_digits() -> None:
    rows = np.concatenate([random_rows(40, 3), np.ones((40, 30))], axis=1)
    result = frechet_distance(Gaussian.of(rows), Gaussian.of(rows))
    assert abs(result.value) < 1e-12 * np.trace(np.cov(rows, rowvar=False))


def test_symmetric_and_the_same_after_a_rotation_and_a_shift() -> None:
    a, b = random_rows(30, 4), random_rows(40, 5)
    value = frechet_distance(Gaussian.of(a), Gaussian.of(b)).value
    turn = ortho_group.rvs(8, random_state=0)
    back = frechet_distance(Gaussian.of(b), Gaussian.of(a)).value
    turned = frechet_distance(Gaussian.of(a @ turn + 5), Gaussian.of(b @ turn + 5)).value
    assert back == pytest.approx(value, rel=1e-12)
    assert turned == pytest.approx(value, rel=1e-10)


def test_negative_eigenvalues_are_taken_as_zero_and_reported() -> None:
    class Broken(Gaussian):
        def covariance(self, shrinkage: object = None) -> np.ndarray:
            return np.diag([4.0, 1.0, -0.02])

    sound = Gaussian.of(with_moments(np.zeros(3), np.diag([4.0, 1.0, 1.0])))
    result = distance_between(fit(Broken(3)), fit(sound))
    assert result.negative == 1
    assert result.most_negative == pytest.approx(-0.005)
    assert result.value == pytest.approx(1)  # that of diag(4, 1, 0)


def test_too_few_embeddings_are_refused_unless_shrinkage_is_asked_for() -> None:
    few, many = Gaussian.of(random_rows(8, 1)), Gaussian.of(random_rows(50, 1))
    for pair in ((few, many), (many, few)):
        with pytest.raises(UserError, match="8 embeddings of 8 dimensions; need at least 9"):
            frechet_distance(*pair)
    result = frechet_distance(few, many, "ledoit-wolf")
    assert result.shrinkage[0] > result.shrinkage[1] > 0
    assert frechet_distance(few, many, 0.2).shrinkage == (0.2, 0.2)
    with pytest.raises(ValueError, match="dimensions 8 and 3"):
        frechet_distance(many, Gaussian.of(random_rows(50, 1, 3)))


def test_fad_infinity_takes_out_the_bias_of_few_embeddings() -> None:
    # Same distribution on both sides: the distance is all bias, D / N by the mean and, to first
    # order, D (D + 1) / (4 N) by the covariance; its limit is 0.
    dimension, errors, plain = 10, [], []
    reference = Gaussian.of(with_moments(np.zeros(dimension), np.eye(dimension), 100_000))
    for seed in range(12):
        rows = np.random.default_rng(seed).normal(0, 1, (400, dimension))
        found = fad_infinity(rows, reference, seed)
        errors.append(found.value)
        plain.append(found.distances[-1])
        assert found.counts[0] == 80 and found.counts[-1] == 400 and len(found.counts) == 15
        assert found.distances[-1] == pytest.approx(
            frechet_distance(Gaussian.of(rows), reference).value, rel=1e-9
        )
    assert np.mean(plain) == pytest.approx(dimension * (dimension + 5) / (4 * 400), rel=0.15)
    assert abs(np.mean(errors)) < 0.2 * np.mean(plain)


def test_fad_infinity_of_a_known_distance() -> None:
    dimension = 6
    reference = Gaussian.of(with_moments(np.zeros(dimension), np.eye(dimension), 100_000))
    shifted = [
        fad_infinity(np.random.default_rng(seed).normal(0.5, 1, (600, dimension)), reference, seed)
        for seed in range(10)
    ]
    assert np.mean([s.value for s in shifted]) == pytest.approx(0.25 * dimension, rel=0.05)


def test_fad_infinity_of_few_embeddings_is_not_far_too_low() -> None:
    # Means 1 apart. From one more than there are dimensions on, the intercept would be about 0.55.
    dimension, found = 32, []
    reference = Gaussian.of(with_moments(np.zeros(dimension), np.eye(dimension), 20_000))
    for seed in range(3):
        rows = np.random.default_rng(seed).normal(0, 1, (200, dimension))
        rows[:, 0] += 1
        found.append(fad_infinity(rows, reference, seed, steps=6, repeats=3).value)
    assert np.mean(found) == pytest.approx(1.0, abs=0.25)


def test_fad_infinity_draws_no_more_than_it_is_told_to() -> None:
    rows = random_rows(300, 1)
    found = fad_infinity(rows, Gaussian.of(random_rows(90, 2)), seed=0, most=100)
    assert (found.counts[0], found.counts[-1]) == (20, 100)


def test_fad_infinity_refuses() -> None:
    reference = Gaussian.of(random_rows(50, 1))
    with pytest.raises(
        UserError, match=r"20 embeddings of 8 dimensions.* from 16 of them on needs at least 24"
    ):
        fad_infinity(random_rows(20, 1), reference, 0)
    with pytest.raises(ValueError, match="steps=2; must be at least 3"):
        fad_infinity(random_rows(30, 1), reference, 0, steps=2)
    with pytest.raises(ValueError, match="repeats=0; must be at least 1"):
        fad_infinity(random_rows(30, 1), reference, 0, repeats=0)


def _joined(side: list[Gaussian]) -> Gaussian:
    whole = Gaussian(2)
    for part in side:
        whole.merge(part)
    return whole


def recordings(mean: float, count: int, seed: int) -> list[Gaussian]:
    """Draws recordings of 20 embeddings each around a centre of its own."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(mean, 0.6, (count, 2))
    return [Gaussian.of(rng.normal(centre, 0.8, (20, 2))) for centre in centres]


def test_recordings_that_are_all_alike_leave_no_doubt() -> None:
    a, b = recordings(0.0, 1, 0) * 6, recordings(1.0, 1, 1) * 4
    value = frechet_distance(_joined(a), _joined(b)).value
    assert frechet_interval(a, b, seed=0, draws=20) == pytest.approx((value, value), rel=1e-9)


def test_interval_holds_one_recording_at_a_time() -> None:
    class Counting(Sequence[Gaussian]):
        """Recordings that are made when they are looked at."""

        def __init__(self, made: list[Gaussian]) -> None:
            self.made, self.looks = made, [0] * len(made)

        def __len__(self) -> int:
            return len(self.made)

        def __getitem__(self, place: int) -> Gaussian:  # type: ignore[override]
            self.looks[place] += 1
            return self.made[place]

    sides = recordings(0.0, 7, 0), recordings(1.0, 5, 1)
    lazy = Counting(sides[0])
    assert frechet_interval(lazy, sides[1], seed=0, draws=30) == frechet_interval(
        *sides, seed=0, draws=30
    )
    assert sum(lazy.looks) < 30  # types are checked by looking at some, too


@pytest.mark.slow
def test_interval_covers_the_true_distance_about_as_often_as_it_says() -> None:
    trials, hits = 60, 0
    for trial in range(trials):
        sides = recordings(0.0, 25, 2 * trial), recordings(1.0, 25, 2 * trial + 1)
        low, high = frechet_interval(*sides, seed=trial, draws=60, level=0.9)
        hits += low <= 2.0 <= high  # the same covariance on both sides, means (1, 1) apart
    assert 0.8 <= hits / trials <= 0.97


def test_interval_refuses() -> None:
    sides = recordings(0.0, 3, 0), recordings(1.0, 3, 1)
    with pytest.raises(UserError, match="1 recordings on a side; an interval needs at least 2"):
        frechet_interval(sides[0][:1], sides[1], seed=0)
    with pytest.raises(ValueError, match="draws=0"):
        frechet_interval(*sides, seed=0, draws=0)
    with pytest.raises(ValueError, match=r"level=1\.0"):
        frechet_interval(*sides, seed=0, level=1.0)
    assert frechet_interval(*sides, seed=3) == frechet_interval(*sides, seed=3)
