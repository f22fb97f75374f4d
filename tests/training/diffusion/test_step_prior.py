"""What a prior adds to the training step."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from backbone_cases import batch_of, spec_of

from mt3synth.diffusion.prior import Prior
from mt3synth.models.conditions import example_inputs
from mt3synth.training.diffusion.config import TrainConfig
from mt3synth.training.diffusion.step import make_train_step, prior_losses
from mt3synth.training.state import init_state

PLAN = dict(ema_decay=0.9, condition_drop=0.1, time_power=0.5, seed=1, prior_weight=0.5)


@pytest.fixture(scope="module")
def begun():
    """Makes a network with a prior, its first parameters, and a batch."""
    spec = spec_of("unet_notes")
    network, batch = spec.build(), batch_of(spec, 4)
    params = jax.jit(network.init)(jax.random.key(0), *example_inputs(batch))
    return spec, network, jax.tree.map(lambda x: x.unbox(), params, is_leaf=_boxed)["params"], batch


def _boxed(leaf):
    return hasattr(leaf, "unbox")


def changed(before, after):
    """Names the modules whose parameters have moved."""
    return {
        name
        for name in before
        if any(
            not np.array_equal(a, b)
            for a, b in zip(jax.tree.leaves(before[name]), jax.tree.leaves(after[name]))
        )
    }


def test_the_prior_alone_learns_if_it_is_to_and_by_its_own_loss(begun):
    spec, network, params, batch = begun
    optimizer = optax.sgd(0.1)
    step = make_train_step(network, spec.diffusion, optimizer, **PLAN, prior_only=True)
    losses, state = [], init_state(jax.tree.map(jnp.array, params), optimizer)
    for _ in range(5):
        state, metrics = step(state, batch)
        losses.append(float(metrics["loss"]))
    assert changed(params, state.params) == {"note_prior", "performance_embedding"}
    assert losses[-1] < losses[0]


def test_all_of_the_network_learns_afterwards(begun):
    spec, network, params, batch = begun
    optimizer = optax.sgd(0.1)
    step = make_train_step(network, spec.diffusion, optimizer, **PLAN)
    state = init_state(jax.tree.map(jnp.array, params), optimizer)
    for _ in range(3):  # the last layer begins as zero, and gradients pass it from then on
        state, _ = step(state, batch)
    assert {"note_prior", "frames_out", "frames_in"} <= changed(params, state.params)


def test_a_prior_is_as_far_off_as_its_frames_and_their_level_are():
    mel = jnp.zeros((2, 3, 4))
    prior = Prior(mel.at[1].set(0.5), jnp.ones((2, 1, 4)))
    np.testing.assert_allclose(prior_losses(prior, mel, 7.0), [0, 0.25 + 0.25], atol=1e-6)


def test_a_prior_that_learns_first_needs_a_loss(as_released):
    with pytest.raises(ValueError, match="prior_first=3 with prior_weight=0"):
        TrainConfig(steps=4, prior_first=3, prior_weight=0)
