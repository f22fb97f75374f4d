"""Bootstrap intervals: their coverage, and what they must hold in cases that are known."""

import math

import numpy as np
import pytest

from mt3synth.evaluation.metrics.bootstrap import bootstrap_interval


def mean(values: list[float]) -> float:
    return float(np.mean(values))


def test_covers_the_true_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    trials = 150
    hits = 0
    for trial in range(trials):
        sample = rng.normal(3.0, 1.0, 40).tolist()
        low, high = bootstrap_interval(sample, mean, seed=trial, draws=200, level=0.9)
        hits += low <= 3.0 <= high
    assert 0.82 <= hits / trials <= 0.96


def test_width_is_that_of_the_normal_approximation() -> None:
    sample = np.random.default_rng(1).normal(0, 2.0, 400).tolist()
    low, high = bootstrap_interval(sample, mean, seed=0, draws=2000)
    assert high - low == pytest.approx(2 * 1.96 * np.std(sample) / math.sqrt(400), rel=0.1)


def test_equal_items_leave_no_doubt() -> None:
    assert bootstrap_interval([0.25] * 7, mean, seed=0) == (0.25, 0.25)


def test_one_item_has_no_interval() -> None:
    assert all(math.isnan(end) for end in bootstrap_interval([0.25], mean, seed=0))


def test_seed_decides() -> None:
    sample = [0.0, 1.0, 2.0, 5.0]
    assert bootstrap_interval(sample, mean, seed=3) == bootstrap_interval(sample, mean, seed=3)


def test_undefined_draws_are_left_out() -> None:
    def known(values: list[float]) -> float:
        return mean([v for v in values if v]) if any(values) else float("nan")

    assert bootstrap_interval([0.0, 4.0], known, seed=0) == (4.0, 4.0)
    low, high = bootstrap_interval([0.0], known, seed=0)
    assert math.isnan(low)
    assert math.isnan(high)


@pytest.mark.parametrize(
    ("items", "change", "message"),
    [
        ([], {}, "no items"),
        ([1.0], {"draws": 0}, "draws=0; must be at least 1"),
        ([1.0], {"level": 1.0}, "level=1.0; must be between 0 and 1"),
    ],
)
def test_refuses(items: list[float], change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(items, mean, seed=0, **change)
