"""Sinusoids by what they are for, not by their formula."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.models.positions import sinusoid, time_embedding

WIDTH = 16


def test_known_values() -> None:
    zero = sinusoid(jnp.zeros(1), WIDTH)[0]
    np.testing.assert_allclose(zero, [0] * (WIDTH // 2) + [1] * (WIDTH // 2))
    fastest, slowest = sinusoid(jnp.array([np.pi / 2, 1e4 * np.pi / 2]), WIDTH)
    assert fastest[0] == pytest.approx(1)
    assert slowest[WIDTH // 2 - 1] == pytest.approx(1)


def test_likeness_depends_on_distance_alone() -> None:
    positions = jnp.array([0.0, 2.5, 100.0, 102.5, 731.25, 733.75])
    pairs = sinusoid(positions, WIDTH).reshape(3, 2, WIDTH)
    likeness = jnp.sum(pairs[:, 0] * pairs[:, 1], axis=-1)
    np.testing.assert_allclose(likeness, likeness[0], atol=1e-3)
    assert likeness[0] < WIDTH / 2  # what a position has in common with itself


def test_time_spans_a_sixth_of_the_slowest_period() -> None:
    start, end = time_embedding(jnp.array([0.0, 1.0]), WIDTH)
    slow = jnp.array([WIDTH // 2 - 1, WIDTH - 1])
    np.testing.assert_allclose(start[slow], [0, 1], atol=1e-6)
    np.testing.assert_allclose(end[slow], [np.sin(1), np.cos(1)], atol=1e-5)


@pytest.mark.parametrize("width", [2, 7])
def test_width_is_checked(width: int) -> None:
    with pytest.raises(ValueError, match=f"width={width} channels; must be even and at least 4"):
        sinusoid(jnp.zeros(1), width)
