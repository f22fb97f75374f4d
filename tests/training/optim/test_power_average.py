"""Averages whose width is chosen after the run."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mt3synth.errors import UserError
from mt3synth.training.diffusion.config import TrainConfig
from mt3synth.training.optim.power_average import (
    combine,
    gamma_of,
    keep_power_averages,
    mix,
    width_of,
)

WIDTHS = (0.05, 0.1)


def train(updates, widths):
    """Walks at random; returns the way and the last averages by their widths."""
    optimizer = keep_power_averages(optax.sgd(1.0), widths)
    params = {"layer": {"kernel": jnp.zeros(50)}}
    steps = jax.random.normal(jax.random.key(0), (updates, 50))

    def walk(carry, step):
        params, state = carry
        given, state = optimizer.update({"layer": {"kernel": -step}}, state, params)
        params = optax.apply_updates(params, given)
        return (params, state), params["layer"]["kernel"]

    (params, state), way = jax.lax.scan(walk, (params, optimizer.init(params)), steps)
    return way, {width_of(name): tree for name, tree in state.averages.items()}


@pytest.mark.parametrize("width", [0.02, 0.05, 0.1, 0.2])
def test_a_width_is_the_deviation_of_the_weights_along_the_run(width):
    gamma, time = gamma_of(width), np.linspace(0, 1, 200001)
    weights = time**gamma / np.sum(time**gamma)
    mean = np.sum(weights * time)
    assert np.sqrt(np.sum(weights * (time - mean) ** 2)) == pytest.approx(width, rel=1e-3)


def test_averages_weigh_what_was_by_a_power_of_its_time():
    way, kept = train(400, WIDTHS)
    for width, tree in kept.items():
        bounds = (np.arange(401) / 400) ** (gamma_of(width) + 1)
        expected = np.diff(bounds) @ way
        np.testing.assert_allclose(tree["layer"]["kernel"], expected, rtol=1e-3, atol=2e-3)


def test_a_third_is_put_together_of_the_two():
    _, kept = train(400, WIDTHS)
    _, other = train(400, (0.07, 0.1))
    made, error = combine(0.07, jax.device_get(kept))
    wanted = other[0.07]["layer"]["kernel"]
    apart = np.std(made["layer"]["kernel"] - wanted) / np.std(
        kept[0.05]["layer"]["kernel"] - wanted
    )
    # Far nearer than those that are kept.
    assert apart < 0.5 and error < 0.06


def test_those_that_are_kept_come_out_as_they_are():
    assert mix(0.05, WIDTHS) == (pytest.approx(1), pytest.approx(0, abs=1e-6))
    assert mix(0.1, WIDTHS) == (pytest.approx(0, abs=1e-9), pytest.approx(0, abs=1e-6))
    with pytest.raises(UserError, match=r"width 0\.2; must be within 0\.05\.\.0\.1"):
        mix(0.2, WIDTHS)


def test_without_widths_the_optimizer_is_the_same_object():
    optimizer = optax.sgd(1.0)
    assert keep_power_averages(optimizer, ()) is optimizer


@pytest.mark.parametrize("widths", [(0.1,), (0.1, 0.1), (0.05, 0.1, 0.2), (0.05, 0.5)])
def test_bad_widths_are_refused(as_released, widths):
    with pytest.raises(ValueError, match="widths"):
        TrainConfig(steps=1, averages=widths)
