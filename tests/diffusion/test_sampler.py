"""Samplers against oracles: a perfect denoiser, Gaussian data, and each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.diffusion.ddim import DDIM
from mt3synth.diffusion.ddpm import DDPM
from mt3synth.diffusion.dpm_solver import DPMSolver
from mt3synth.diffusion.heun import Heun
from mt3synth.diffusion.sampler import iterate, sample
from mt3synth.diffusion.schedule import CosineSchedule
from mt3synth.diffusion.steppers import STEPPERS as NAMED
from mt3synth.diffusion.steppers import name_of, spacing_of

SCHEDULE = CosineSchedule()
STEPPERS = [DDPM(), DDPM("forward"), DDIM(0.0), DDIM(0.5), DDIM(1.0), DPMSolver(), Heun()]
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
    for steps in (1, 5):
        drawn = sample(lambda x, t: data, noise, SCHEDULE, stepper, KEY, steps=steps)
        np.testing.assert_allclose(drawn, data, atol=1e-6)


@pytest.mark.parametrize("stepper", STEPPERS, ids=str)
def test_gaussian_data_comes_out_with_its_mean_and_spread(stepper):
    noise = jax.random.normal(KEY, (40_000,))
    draw = jax.jit(
        lambda: sample(
            gaussian_denoiser(0.3, 0.2),
            noise,
            SCHEDULE,
            stepper,
            jax.random.key(4),
            steps=200,
            spacing=spacing_of(stepper),
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


@pytest.mark.parametrize("stepper", [DDIM(1.0), DPMSolver(), Heun()], ids=str)
def test_the_loop_draws_what_the_scan_draws(stepper):
    noise = jax.random.normal(KEY, (8, 4))
    args = (gaussian_denoiser(0.1, 0.5), noise, SCHEDULE, stepper, KEY)
    options = {"steps": 7, "spacing": spacing_of(stepper)}
    every = list(iterate(*args, **options))
    scanned = sample(*args, **options, trajectory=True)
    np.testing.assert_allclose(jnp.stack(every), scanned, atol=1e-5)


def error(stepper, steps: int, spacing: str) -> float:
    """How far a draw from a Gaussian ends from where its noise leads.

    The flow of a Gaussian keeps how many deviations from the mean a value lies.
    """
    mean, deviation, start = 0.3, 0.5, 0.8
    places = jnp.linspace(-3, 3, 13)
    alpha, sigma = SCHEDULE.alpha_sigma(jnp.array(start))
    x_T = alpha * mean + jnp.sqrt(alpha**2 * deviation**2 + sigma**2) * places
    denoise = gaussian_denoiser(mean, deviation)
    options = {"steps": steps, "start_time": start, "spacing": spacing}
    drawn = jax.jit(lambda: sample(denoise, x_T, SCHEDULE, stepper, KEY, **options))()
    return float(jnp.abs(drawn - (mean + deviation * places)).max())


@pytest.mark.parametrize("spacing", ["log-snr", "karras"])
@pytest.mark.parametrize(("stepper", "order"), [(DDIM(0.0), 1), (DPMSolver(), 2), (Heun(), 2)])
def test_the_error_falls_with_the_order_of_the_stepper(stepper, order, spacing):
    coarse, fine = (error(stepper, steps, spacing) for steps in (20, 40))
    assert np.log2(coarse / fine) == pytest.approx(order, abs=0.4)


def test_a_few_steps_of_second_order_do_what_many_of_the_first_do():
    plain = error(DDIM(0.0), 40, "uniform")
    assert error(DPMSolver(), 16, "log-snr") < plain
    assert error(Heun(), 16, "karras") < plain


def test_the_first_step_of_the_solver_is_ddims():
    x_t, x0, before = jax.random.normal(KEY, (3, 6, 5))
    times = (jnp.array(0.7), jnp.array(0.65))
    solver = DPMSolver()
    first = solver.extrapolate(x0, before, times[0], *times, SCHEDULE)
    np.testing.assert_array_equal(first, x0)
    args = (x_t, x0, *times, SCHEDULE, KEY)
    np.testing.assert_allclose(solver.step(*args), DDIM(0.0).step(*args), atol=1e-6)


def test_every_stepper_has_its_name():
    assert [name_of(kind()) for kind in NAMED.values()] == list(NAMED)
    assert name_of(SCHEDULE) == "cosineschedule"  # of another it is the class
    assert spacing_of(DDIM()) == "uniform"


def test_bad_settings_are_refused(as_released):
    with pytest.raises(ValueError, match="steps=0; must be at least 1"):
        sample(lambda x, t: x, jnp.ones(1), SCHEDULE, DDIM(), KEY, steps=0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        DDIM(eta=1.5)
    with pytest.raises(ValueError, match="unknown"):
        DDPM(variance="none")
