"""A rate whose end is decided late: the same before the decay, zero at the end, compiled once."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mt3synth.training.optim.learning_rate import (
    Plan,
    compute_rate,
    replace_plan,
    scale_by_planned_rate,
)


def rates(steps: int, decay_steps: int, upto: int, warmup: int = 10) -> np.ndarray:
    return np.array([float(compute_rate(s, 1e-3, warmup, steps, decay_steps)) for s in range(upto)])


def test_corners():
    found = [float(compute_rate(s, 1e-3, 10, 100, 20)) for s in (0, 5, 10, 50, 80, 90, 100, 101)]
    np.testing.assert_allclose(found, [0, 5e-4, 1e-3, 1e-3, 1e-3, 5e-4, 0, 0], atol=1e-9)


def test_without_rise_or_fall_it_is_constant():
    assert set(rates(20, 0, 20, warmup=0)) == {np.float32(1e-3)}


def test_plans_agree_until_the_first_of_their_decays_begins():
    np.testing.assert_array_equal(rates(100, 20, 81), rates(1000, 300, 81))
    assert rates(100, 20, 82)[81] < rates(1000, 300, 82)[81]


def test_a_run_too_short_for_rise_and_fall_ends_at_zero_all_the_same():
    # Rise 10 and fall 20 meet at a third of 15 steps, half way up.
    found = rates(15, 20, 16)
    assert found.argmax() == 5 and found[15] == 0
    np.testing.assert_allclose(found.max(), 0.5e-3, rtol=1e-6)


@pytest.mark.parametrize("bound_to_devices", [False, True])
def test_a_new_plan_changes_the_rate_and_compiles_nothing(bound_to_devices):
    optimizer = optax.chain(optax.clip(1.0), scale_by_planned_rate(1.0, 2, Plan(2**30, 0)))
    params = {"w": jnp.ones(3)}

    @jax.jit
    def update(opt_state):
        return optimizer.update({"w": jnp.ones(3)}, opt_state, params)

    opt_state = optimizer.init(params)
    if bound_to_devices:
        opt_state = jax.device_put(opt_state, jax.devices()[0])
    used = []
    for step in range(8):
        if step == 4:
            opt_state = replace_plan(opt_state, Plan(8, 2))
        updates, opt_state = update(opt_state)
        used.append(float(-updates["w"][0]))
    np.testing.assert_allclose(used, [0, 0.5, 1, 1, 1, 1, 1, 0.5])
    assert update._cache_size() == 1


def test_an_optimizer_without_a_plan_is_refused():
    with pytest.raises(KeyError):
        replace_plan(optax.sgd(0.1).init({"w": jnp.ones(3)}), Plan(8, 2))


@pytest.mark.parametrize(("steps", "decay"), [(0, 0), (10, -1)])
def test_bad_plans_are_refused(steps, decay):
    with pytest.raises(ValueError, match="must be at least"):
        Plan(steps, decay)
