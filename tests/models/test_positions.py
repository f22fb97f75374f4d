"""Sinusoids by what they are for, not by their formula."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.models.position_table import permuted_sinusoids, terminal_positions
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


def test_a_stored_table_has_each_frequency_twice_at_any_phase() -> None:
    """Least squares: which pair of sine and cosine makes up a channel, and how much of it."""
    rows, width = 4000, 8
    table = np.asarray(permuted_sinusoids(jax.random.key(1), rows, width), np.float64)
    waves = np.asarray(sinusoid(jnp.arange(rows, dtype=jnp.float32), width), np.float64)
    made_of = []
    for channel in table.T:
        fits = [np.linalg.lstsq(waves[:, [i, i + 4]], channel) for i in range(width // 2)]
        best = int(np.argmin([residual.sum() for _, residual, *_ in fits]))
        np.testing.assert_allclose(waves[:, [best, best + 4]] @ fits[best][0], channel, atol=1e-3)
        assert np.hypot(*fits[best][0]) == pytest.approx(1, abs=1e-2)
        made_of.append(best)
    assert sorted(made_of) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert made_of != sorted(made_of)
    assert np.ptp(table[0]) > 0.5  # at position 0 sines would all be 0, cosines 1


def test_last_frame_has_the_last_position() -> None:
    """Five positions; the ancestor's own example is the second."""
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 1, 1], [0] * 5], bool)
    expected = [[0, 1, 2, 3, 4], [3, 4, 0, 1, 2], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]]
    np.testing.assert_array_equal(terminal_positions(jnp.asarray(mask), 5), expected)
    shorter = terminal_positions(jnp.asarray(mask[:, 3:]), 5)
    np.testing.assert_array_equal(shorter, [[3, 4], [0, 1], [3, 4], [0, 1]])
