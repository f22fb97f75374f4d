"""Streamed moments against NumPy's and scikit-learn's of all rows at once."""

import numpy as np
import pytest

from mt3synth.errors import UserError
from mt3synth.evaluation.embeddings.gaussian import Gaussian


def rows(count: int, dimension: int = 5, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = rng.normal(0, 1, (dimension, dimension))
    # Skewed and heavy-tailed, so that the third and fourth sums are put to use.
    return rng.exponential(1, (count, dimension)) ** 1.5 @ mixing + 7


def test_moments_are_numpys() -> None:
    given = rows(40)
    gaussian = Gaussian.of(given)
    assert gaussian.count == 40
    np.testing.assert_allclose(gaussian.mean, given.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(gaussian.covariance(), np.cov(given, rowvar=False), rtol=1e-11)


@pytest.mark.parametrize("cuts", [[1], [0, 3], [10, 20, 30], list(range(1, 40))])
def test_any_parts_in_any_order_give_the_same(cuts: list[int]) -> None:
    given = rows(40)
    whole, parts = Gaussian.of(given), [Gaussian.of(part) for part in np.split(given, cuts)]
    merged = Gaussian(5)
    for part in reversed(parts):
        merged.merge(part)
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-12)
    for shrinkage in (None, 0.3, "ledoit-wolf"):
        np.testing.assert_allclose(
            merged.covariance(shrinkage), whole.covariance(shrinkage), rtol=1e-10
        )


def test_float32_far_from_zero_loses_nothing() -> None:
    given = (rows(500).astype(np.float32) + np.float32(4096)).astype(np.float32)
    streamed = Gaussian(5)
    for part in np.array_split(given, 50):
        streamed.add(part)
    expected = np.cov(given.astype(np.longdouble), rowvar=False).astype(float)
    np.testing.assert_allclose(streamed.covariance(), expected, rtol=1e-9)


@pytest.mark.parametrize(("count", "dimension"), [(6, 20), (21, 20), (300, 4)])
def test_ledoit_wolf_is_scikit_learns(count: int, dimension: int) -> None:
    covariance = pytest.importorskip("sklearn.covariance")
    given = rows(count, dimension)
    gaussian = Gaussian(dimension)
    for part in np.array_split(given, 3):
        gaussian.add(part)
    expected = covariance.LedoitWolf().fit(given)
    assert gaussian.shrinkage("ledoit-wolf") == pytest.approx(expected.shrinkage_, rel=1e-9)
    np.testing.assert_allclose(
        gaussian.covariance("ledoit-wolf") * (count - 1) / count, expected.covariance_, rtol=1e-9
    )


def test_fixed_shrinkage_goes_from_the_covariance_to_its_mean_variance() -> None:
    gaussian = Gaussian.of(rows(30))
    plain = gaussian.covariance()
    np.testing.assert_allclose(gaussian.covariance(0.0), plain)
    level = np.diag(plain).mean()
    np.testing.assert_allclose(gaussian.covariance(1.0), level * np.eye(5), atol=1e-12)
    half = np.linalg.eigvalsh(gaussian.covariance(0.5))
    np.testing.assert_allclose(half, (np.linalg.eigvalsh(plain) + level) / 2, rtol=1e-10)


def test_equal_rows_have_no_spread() -> None:
    gaussian = Gaussian.of(np.ones((9, 3)))
    assert not gaussian.covariance("ledoit-wolf").any()


def test_too_few_embeddings_are_refused_unless_shrinkage_is_asked_for() -> None:
    few = Gaussian.of(rows(5))
    with pytest.raises(
        UserError, match=r"5 embeddings of 5 dimensions; need at least 6.*shrinkage"
    ):
        few.covariance()
    assert np.linalg.matrix_rank(few.covariance(0.1)) == 5
    with pytest.raises(UserError, match="1 embeddings have no covariance"):
        Gaussian.of(rows(1)).covariance(0.1)


@pytest.mark.usefixtures("as_released")
def test_refuses() -> None:
    gaussian = Gaussian(3)
    with pytest.raises(ValueError, match="dimension=0; must be at least 1"):
        Gaussian(0)
    with pytest.raises(ValueError, match=r"embeddings \(4, 2\); must be \[N, 3\]"):
        gaussian.add(np.zeros((4, 2)))
    with pytest.raises(ValueError, match="1 of 2 embeddings are not finite"):
        gaussian.add(np.array([[0.0, 1, 2], [0, np.nan, 0]]))
    with pytest.raises(ValueError, match="dimension 2; must be 3"):
        gaussian.merge(Gaussian(2))
    gaussian.add(np.eye(3)).add(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"shrinkage=1\.5; must be"):
        gaussian.covariance(1.5)
    with pytest.raises(ValueError, match="shrinkage='oas'; must be"):
        gaussian.covariance("oas")
