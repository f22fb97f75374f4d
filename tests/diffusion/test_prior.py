"""Diffusion around a prior against what must hold for any prior, and against Gaussians."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.diffusion.ddim import DDIM
from mt3synth.diffusion.dpm_solver import DPMSolver
from mt3synth.diffusion.heun import Heun
from mt3synth.diffusion.prior import Prior, draw_marginal, put_back, take_away
from mt3synth.diffusion.process import convert, diffuse
from mt3synth.diffusion.sampler import sample
from mt3synth.diffusion.schedule import CosineSchedule
from mt3synth.diffusion.steppers import spacing_of

SCHEDULE = CosineSchedule()
SHAPE = (4, 6, 5)
TIMES = jnp.array([0.02, 0.3, 0.7, 0.98])
KINDS = ("eps", "x0", "v")


def normal(seed):
    return jax.random.normal(jax.random.key(seed), SHAPE)


def some_prior():
    deviation = jnp.exp(jax.random.normal(jax.random.key(5), (4, 1, 5)))
    return Prior(normal(6), deviation)


@pytest.mark.parametrize("kind", KINDS)
def test_a_prior_of_zero_and_one_is_no_prior_to_the_last_bit(kind):
    prior = Prior(jnp.zeros(SHAPE), jnp.ones((4, 1, 5)))
    alpha, sigma = SCHEDULE.alpha_sigma(TIMES)
    x_t, prediction = normal(1), normal(2)
    residual = take_away(x_t, prior, alpha, sigma)
    np.testing.assert_array_equal(residual.frames, x_t)
    given = put_back(prediction, kind, residual, prior, alpha, sigma)
    plain = convert(prediction, kind, x_t, alpha, sigma)
    for name in KINDS:
        np.testing.assert_array_equal(getattr(given, name), getattr(plain, name), err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_true_of_the_residual_gives_back_data_noise_and_velocity(kind):
    prior, x0, eps = some_prior(), normal(1), normal(2)
    alpha, sigma = SCHEDULE.alpha_sigma(TIMES)
    residual = take_away(diffuse(x0, eps, alpha, sigma), prior, alpha, sigma)
    z = (x0 - prior.mean) / prior.deviation
    truth = {"x0": z, "eps": eps, "v": residual.alpha * eps - residual.sigma * z}[kind]
    estimate = put_back(truth, kind, residual, prior, alpha, sigma)
    np.testing.assert_allclose(estimate.x0, x0, atol=2e-3)
    np.testing.assert_allclose(estimate.eps, eps, atol=2e-3)
    v = alpha[:, None, None] * eps - sigma[:, None, None] * x0
    np.testing.assert_allclose(estimate.v, v, atol=2e-3)


def test_the_residual_of_noisy_data_has_unit_scale_at_every_time():
    prior = Prior(jnp.full((1, 40_000, 1), 0.3), jnp.full((1, 1, 1), 0.05))
    keys = jax.random.split(jax.random.key(0))
    x0 = 0.3 + 0.05 * jax.random.normal(keys[0], (1, 40_000, 1))
    eps = jax.random.normal(keys[1], x0.shape)
    for time in (0.05, 0.5, 0.95):
        alpha, sigma = SCHEDULE.alpha_sigma(jnp.full(1, time))
        residual = take_away(diffuse(x0, eps, alpha, sigma), prior, alpha, sigma)
        np.testing.assert_allclose(jnp.std(residual.frames), 1, atol=0.02)
        np.testing.assert_allclose(jnp.mean(residual.frames), 0, atol=0.02)
        np.testing.assert_allclose(residual.alpha**2 + residual.sigma**2, 1, atol=1e-5)


def test_no_prediction_at_all_is_the_ideal_denoiser_of_a_gaussian():
    """Around the data's own mean and deviation E[v | x_t] of the residual is 0."""
    mean, deviation = 0.3, 0.2
    prior = Prior(jnp.full(SHAPE, mean), jnp.full((4, 1, 1), deviation))
    alpha, sigma = SCHEDULE.alpha_sigma(TIMES)
    x_t = normal(3)
    residual = take_away(x_t, prior, alpha, sigma)
    estimate = put_back(jnp.zeros(SHAPE), "v", residual, prior, alpha, sigma)
    a, s = alpha[:, None, None], sigma[:, None, None]
    gain = a * deviation**2 / (a**2 * deviation**2 + s**2)
    np.testing.assert_allclose(estimate.x0, mean + gain * (x_t - a * mean), atol=1e-5)


@pytest.mark.parametrize("start", [1.0, 0.6])
@pytest.mark.parametrize(
    ("stepper", "steps"), [(DDIM(), 300), (DPMSolver(), 32), (Heun(), 32)], ids=str
)
def test_a_late_start_draws_the_same_gaussian(start, stepper, steps):
    shape = (1, 40_000, 1)
    prior = Prior(jnp.full(shape, 0.3), jnp.full((1, 1, 1), 0.2))

    def denoise(x_t, time):
        alpha, sigma = SCHEDULE.alpha_sigma(time)
        residual = take_away(x_t, prior, alpha, sigma)
        return put_back(jnp.zeros(shape), "v", residual, prior, alpha, sigma).x0

    noise = jax.random.normal(jax.random.key(1), shape)
    x_t = draw_marginal(noise, prior, *SCHEDULE.alpha_sigma(jnp.array(start)))
    drawn = sample(
        denoise,
        x_t,
        SCHEDULE,
        stepper,
        jax.random.key(2),
        steps=steps,
        start_time=start,
        spacing=spacing_of(stepper),
    )
    assert abs(float(jnp.mean(drawn)) - 0.3) < 0.01
    assert abs(float(jnp.std(drawn)) - 0.2) < 0.01
