"""Checks that an example's randomness depends on its index in the whole batch alone."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.training.diffusion.randomness import draw, fixed_noise
from mt3synth.training.parallel.accumulation import split_micro_batches, sum_micro_batches

SIZE, SHAPE = 64, (3, 4)


def drawn(index: jax.Array, size: int = SIZE, seed: int = 0, time_power: float = 0.5):
    key = jax.random.key(seed)
    return draw(key, index, size, SHAPE, condition_drop=0.25, time_power=time_power)


def test_a_part_of_a_batch_gets_what_it_would_get_in_the_whole():
    some = jnp.array([40, 3, 17])
    for part, whole in zip(drawn(some), drawn(jnp.arange(SIZE))):
        assert jnp.array_equal(part, whole[some])


def test_examples_and_steps_differ():
    one, other = drawn(jnp.arange(SIZE)), drawn(jnp.arange(SIZE), seed=1)
    assert len(np.unique(one.noise)) == one.noise.size
    assert not jnp.any(one.noise == other.noise)
    assert len(np.unique(jax.random.key_data(one.dropout), axis=0)) == SIZE
    # Four standard errors of a proportion of 0.75 among 64.
    for keep in (one.keep_score, one.keep_performance):
        assert abs(np.mean(keep) - 0.75) < 4 * np.sqrt(0.25 * 0.75 / SIZE)
    assert jnp.any(one.keep_score != one.keep_performance)


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_every_stratum_of_the_diffusion_time_has_one_example(power):
    time = drawn(jnp.arange(SIZE), time_power=power).time
    stratum = np.floor(np.asarray(time, np.float64) ** (1 / power) * SIZE)
    np.testing.assert_array_equal(stratum, np.arange(SIZE))


def test_noise_of_an_evaluation_does_not_depend_on_the_size_of_its_batches():
    assert jnp.array_equal(fixed_noise(5, 8, SHAPE)[:3], fixed_noise(5, 3, SHAPE))
    assert not jnp.any(fixed_noise(5, 3, SHAPE) == fixed_noise(6, 3, SHAPE))


@pytest.mark.parametrize("count", [1, 2, 6])
def test_micro_batches_hold_every_example_once(count):
    batch = {"a": jnp.arange(12), "b": jnp.arange(24.0).reshape(12, 2)}
    pieces = split_micro_batches(batch, count)
    assert pieces["b"].shape == (count, 12 // count, 2)
    assert sorted(pieces["a"].ravel().tolist()) == list(range(12))
    np.testing.assert_array_equal(pieces["b"][..., 0], 2 * pieces["a"])

    total = sum_micro_batches(lambda piece: {"sum": jnp.sum(piece["b"], axis=0)}, batch, count)
    np.testing.assert_array_equal(total["sum"], [132, 144])


def test_a_piece_is_made_of_what_lies_on_each_device():
    # Two devices hold 0..3 and 4..7; each gives one half of what it has to either micro-batch.
    pieces = split_micro_batches(jnp.arange(8), 2)
    assert [sum(value < 4 for value in piece) for piece in pieces.tolist()] == [2, 2]
