"""Where the steps lie, against what each spacing promises."""

from typing import get_args

import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.diffusion.schedule import CosineSchedule
from mt3synth.diffusion.spacing import Spacing, step_times

SCHEDULE = CosineSchedule()


@pytest.mark.parametrize("spacing", get_args(Spacing))
@pytest.mark.parametrize("start", [1.0, 0.4, 1e-4])
@pytest.mark.parametrize("steps", [1, 2, 12])
def test_times_fall_from_the_start_to_zero(spacing, start, steps):
    times = step_times(steps, SCHEDULE, spacing, start)
    assert times.shape == (steps + 1,) and times[-1] == 0
    assert times[0] == pytest.approx(start, abs=0.006)
    falls = -np.diff(times)
    # A start that has hardly any noise leaves nothing to be spaced by it.
    assert np.all(falls > 0) or (start == 1e-4 and np.all(falls > -1e-7))


def test_each_spacing_is_even_in_what_it_is_called_by():
    uniform, quadratic, by_noise, karras = (
        step_times(10, SCHEDULE, name, 0.9) for name in get_args(Spacing)
    )
    np.testing.assert_allclose(np.diff(uniform), -0.09, rtol=1e-4)
    np.testing.assert_allclose(np.diff(jnp.sqrt(quadratic / 0.9)), -0.1, rtol=1e-4)
    steps = np.diff(SCHEDULE.log_snr(by_noise[:-1]))
    np.testing.assert_allclose(steps, steps.mean(), rtol=1e-3)
    alpha, sigma = SCHEDULE.alpha_sigma(karras[:-1])
    seventh = np.diff((sigma / alpha) ** (1 / 7))
    np.testing.assert_allclose(seventh, seventh.mean(), rtol=1e-3)
    # From the ends of Karras et al. 2022, table 1.
    assert float(sigma[-1] / alpha[-1]) == pytest.approx(0.002, rel=0.02)


def test_the_schedule_tells_the_time_of_a_ratio():
    times = jnp.linspace(0.01, 0.99, 50)
    np.testing.assert_allclose(SCHEDULE.time(SCHEDULE.log_snr(times)), times, atol=1e-6)


def test_bad_settings_are_refused(as_released):
    with pytest.raises(ValueError, match="steps=0; must be at least 1"):
        step_times(0, SCHEDULE)
    with pytest.raises(ValueError, match="start_time=0; must be above 0"):
        step_times(1, SCHEDULE, start_time=0)
    with pytest.raises(ValueError, match="spacing 'even' is unknown; choose one of"):
        step_times(1, SCHEDULE, "even")
