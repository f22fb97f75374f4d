"""Schedule, process and loss against what must hold whatever the implementation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.diffusion.loss import denoising_loss
from mt3synth.diffusion.process import Estimate, convert, diffuse
from mt3synth.diffusion.schedule import CosineSchedule
from mt3synth.diffusion.spec import DiffusionSpec

SCHEDULE = CosineSchedule()


def test_schedule_runs_from_data_to_noise():
    times = jnp.linspace(0, 1, 101)
    alpha, sigma = SCHEDULE.alpha_sigma(times)
    np.testing.assert_allclose(alpha**2 + sigma**2, 1, atol=1e-6)
    assert np.all(np.diff(SCHEDULE.log_snr(times)) < 0)
    np.testing.assert_allclose(SCHEDULE.log_snr(times[jnp.array([0, -1])]), [20, -20], rtol=1e-4)


def test_schedule_is_the_cosine_of_nichol_and_dhariwal():
    times = jnp.linspace(0.05, 0.95, 19)
    alpha, _ = SCHEDULE.alpha_sigma(times)
    np.testing.assert_allclose(alpha, jnp.cos(jnp.pi / 2 * times), atol=1e-3)


@pytest.mark.parametrize("kind", ["eps", "x0", "v"])
def test_every_prediction_recovers_what_was_mixed(kind):
    key = jax.random.key(0)
    x0, eps = jax.random.normal(key, (2, 4, 8, 3))
    alpha, sigma = SCHEDULE.alpha_sigma(jnp.array([0.1, 0.4, 0.7, 0.9]))
    x_t = diffuse(x0, eps, alpha, sigma)
    whole = convert(x0, "x0", x_t, alpha, sigma)
    again = convert(getattr(whole, kind), kind, x_t, alpha, sigma)
    np.testing.assert_allclose(again.x0, x0, atol=1e-4)
    np.testing.assert_allclose(again.eps, eps, atol=1e-4)


def test_unknown_kinds_are_named(as_released):
    one = jnp.ones((1, 1, 1))
    with pytest.raises(ValueError, match="'noise' is unknown"):
        convert(one, "noise", one, jnp.ones(1), jnp.ones(1))
    with pytest.raises(ValueError, match="'l3' is unknown"):
        DiffusionSpec(norm="l3")
    with pytest.raises(ValueError, match="must be below"):
        CosineSchedule(log_snr_min=1, log_snr_max=0)


@pytest.mark.parametrize(("norm", "expected"), [("l1", 0.5), ("l2", 0.25)])
def test_loss_is_the_mean_distance_of_each_example(norm, expected):
    zeros = jnp.zeros((3, 4, 5))
    target = Estimate(zeros, zeros, zeros)
    prediction = zeros.at[1].set(0.5)
    loss = denoising_loss(prediction, target, "v", norm)
    np.testing.assert_allclose(loss, [0, expected, 0])
