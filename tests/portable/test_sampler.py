"""The sampler that goes with an exported model draws what ours draws, of any stepper and seed."""

import importlib.util
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth import bundle as bundles
from mt3synth.diffusion import sampler as ours
from mt3synth.diffusion.prior import Prior, draw_marginal
from mt3synth.portable.coefficients import start_scales, step_table
from mt3synth.synthesis.options import sampling_config

FILE = Path(__file__).parents[2] / "mt3synth/portable/sampler.py"
spec = importlib.util.spec_from_file_location("portable_sampler", FILE)
theirs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(theirs)

SHAPE = (300, 5)


@pytest.fixture(scope="module")
def model():
    return bundles.load(bundles.DEFAULT).spec


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_a_seed_gives_the_noise_of_jax(seed):
    key = np.array([0, seed], np.uint32)
    keys = jax.random.split(jax.random.key(seed), 3)
    np.testing.assert_array_equal(theirs.split(key, 3), jax.random.key_data(keys))
    noise = jax.random.normal(jax.random.key(seed), (400, 129))
    np.testing.assert_allclose(theirs.normal(key, (400, 129)), noise, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"sampler": "ddim", "eta": 0.0},
        {"sampler": "ddim", "eta": 0.7, "start_time": 1.0},
        {"sampler": "ddpm", "spacing": "quadratic"},
        {"sampler": "dpm++2m", "start_time": 1.0},
        {"sampler": "heun"},
        {"sampler": "heun", "steps": 1},
    ],
    ids=str,
)
def test_steps_lead_where_ours_lead(model, options):
    config = sampling_config(model, {"steps": 6, **options}).for_model(model)
    schedule, deviation = model.diffusion.schedule, jnp.linspace(0.05, 0.4, SHAPE[1])
    mean = jax.random.uniform(jax.random.key(5), SHAPE, minval=-0.9, maxval=0.9)

    def denoise(x_t, time):
        # Of frames and time alike, so that a step too few or a time too late shows.
        return jnp.clip(0.6 * mean + 0.3 * jnp.roll(x_t, 1, 0) * (1 - time), -1, 1)

    start, later = jax.random.split(jax.random.key(3))
    scales = schedule.alpha_sigma(jnp.float32(config.start_time))
    noise = jax.random.normal(start, SHAPE)
    expected = ours.sample(
        denoise,
        draw_marginal(noise, Prior(mean, deviation), *scales),
        schedule,
        config.stepper,
        later,
        steps=config.steps,
        start_time=config.start_time,
        spacing=config.spacing,
    )
    table, begin = json.loads(
        json.dumps([step_table(config, schedule), start_scales(config, schedule, deviation)])
    )
    assert len(table) == config.steps
    drawn = theirs.sample(
        lambda x_t, time: np.asarray(denoise(x_t, time)), np.asarray(mean), table, begin, 3
    )
    np.testing.assert_allclose(drawn, expected, atol=2e-5)
