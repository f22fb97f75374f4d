"""Samplers against oracles: a perfect denoiser, Gaussian data, and each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.diffusion.ddim import DDIM
from mt3synth.diffusion.ddpm import DDPM
from mt3synth.diffusion.sampler import iterate, sample
from mt3synth.diffusion.schedule import CosineSchedule

SCHEDULE = CosineSchedule()
STEPPERS = [DDPM(), DDPM("forward"), DDIM(0.0), DDIM(0.5), DDIM(1.0)]
KEY = jax.random.key(3)


def gaussian_denoiser(mean: float, deviation: float):
    """E[x0 | x_t] for x0 ~ N(mean, deviation^2), which is linear in x_t."""

    def denoise(x_t, time):
        alpha, sigma = SCHEDULE.alpha_sigma(time)
        gain = alpha * deviation**2 / (alpha**2 * deviation**2 + sigma**2)
        return mean + gain * (x_t - alpha * mean)

    return denoise


@pytest.mark.parametrize("stepper", STEPPERS, ids=str)
def test_a_perfect_denoiser_gives_the_data(stepper):
    data = jax.random.uniform(KEY, (16, 4))
    noise = jax.random.normal(KEY, data.shape)
    drawn = sample(lambda x, t: data, noise, SCHEDULE, stepper, KEY, steps=5)
    np.testing.assert_allclose(drawn, data, atol=1e-6)


@pytest.mark.parametrize("stepper", STEPPERS, ids=str)
def test_gaussian_data_comes_out_with_its_mean_and_spread(stepper):
    noise = jax.random.normal(KEY, (40_000,))
    draw = jax.jit(
        lambda: sample(
            gaussian_denoiser(0.3, 0.2), noise, SCHEDULE, stepper, jax.random.key(4), steps=200
        )
    )
    drawn = draw()
    assert abs(float(jnp.mean(drawn)) - 0.3) < 0.01
    assert abs(float(jnp.std(drawn)) - 0.2) < 0.01


def test_ddim_with_eta_1_is_ddpm():
    x_t, x0 = jax.random.normal(KEY, (2, 6, 5))
    args = (x_t, x0, jnp.array(0.7), jnp.array(0.65), SCHEDULE, KEY)
    np.testing.assert_allclose(DDIM(1.0).step(*args), DDPM().step(*args), atol=1e-5)


def test_ddim_without_noise_does_not_depend_on_the_key():
    x_t, x0 = jax.random.normal(KEY, (2, 6, 5))
    args = (x_t, x0, jnp.array(0.7), jnp.array(0.65), SCHEDULE)
    one, other = (DDIM(0.0).step(*args, jax.random.key(k)) for k in (1, 2))
    np.testing.assert_array_equal(one, other)


def test_the_loop_draws_what_the_scan_draws():
    noise = jax.random.normal(KEY, (8, 4))
    args = (gaussian_denoiser(0.1, 0.5), noise, SCHEDULE, DDIM(1.0), KEY)
    every = list(iterate(*args, steps=7))
    np.testing.assert_allclose(jnp.stack(every), sample(*args, steps=7, trajectory=True), atol=1e-5)


def test_bad_settings_are_refused(as_released):
    with pytest.raises(ValueError, match="steps=0; must be at least 1"):
        sample(lambda x, t: x, jnp.ones(1), SCHEDULE, DDIM(), KEY, steps=0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        DDIM(eta=1.5)
    with pytest.raises(ValueError, match="unknown"):
        DDPM(variance="none")
