"""What a prior adds to the training step."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from backbone_cases import batch_of, spec_of

from mt3synth.diffusion.loss import LossConfig
from mt3synth.diffusion.prior import Prior
from mt3synth.models.conditions import example_inputs
from mt3synth.training.diffusion.config import TrainConfig
from mt3synth.training.diffusion.step import example_losses, make_train_step, prior_losses
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


@pytest.mark.slow
@pytest.mark.usefixtures("quickly_compiled")
def test_all_of_the_network_learns_afterwards(begun):
    spec, network, params, batch = begun
    optimizer = optax.sgd(0.1)
    step = make_train_step(network, spec.diffusion, optimizer, **PLAN)
    state = init_state(jax.tree.map(jnp.array, params), optimizer)
    for _ in range(3):  # the last layer begins as zero, and gradients pass it from then on
        state, _ = step(state, batch)
    assert {"note_prior", "frames_out", "frames_in"} <= changed(params, state.params)


def test_losses_of_a_step_are_weighed_as_asked(begun):
    spec, network, params, batch = begun
    batch, size = jax.tree.map(jnp.asarray, batch), len(batch["mel"])
    noise = jax.random.normal(jax.random.key(1), batch["mel"].shape)
    keep = (jnp.ones(size, bool),) * 2
    time = jnp.array([0.2, 0.5, 0.7, 0.9])

    def losses(**weighed):
        loss = LossConfig(**weighed)
        return example_losses(network, spec.diffusion, params, batch, time, noise, keep, loss=loss)

    plain = losses()
    log_snr = spec.diffusion.schedule.log_snr(time)
    ratio = np.exp(log_snr)
    bounded = losses(min_snr=2.0)
    np.testing.assert_allclose(bounded, plain * np.minimum(ratio, 2) / (ratio + 1), rtol=1e-4)
    # The untrained denoiser says nothing, so its errors of v differ from frame to frame.
    attacks = losses(attacks=5.0)
    assert np.all(attacks != plain) and np.all(np.isfinite(attacks))
    nobody = jnp.where(jnp.arange(5) == 4, -1.0, batch["notes"])
    batch = {**batch, "notes": nobody}
    np.testing.assert_array_equal(losses(attacks=5.0), losses())


def test_a_prior_that_says_its_frames_has_no_loss_and_else_each_example_has_its_own():
    mel = jax.random.normal(jax.random.key(0), (2, 3, 16))
    losses = prior_losses(Prior(mel.at[1].add(0.1), jnp.ones((2, 1, 16))), mel, 7.0)
    assert losses[0] == 0 and losses[1] > 0.01


def test_the_loss_of_levels_is_least_where_the_prior_has_the_mean_power():
    # Noise of one bin a band: its power is exponential, the mean of whose log lies 2.5 dB below
    # the log of its mean. What the distance of logs adds is least at the mean of the log.
    nats = 7.0
    power = jax.random.exponential(jax.random.key(0), (1, 20000, 8))
    mel = jnp.log(power) / (2 * nats)
    offsets = jnp.linspace(-4, 2, 61)  # dB

    def losses(db):
        mean = jnp.full_like(mel, db / 10 * np.log(10) / (2 * nats))
        prior = Prior(mean, jnp.ones((1, 1, 8)))
        distance = jnp.mean(jnp.square(mean - mel))
        return prior_losses(prior, mel, nats)[0] - distance, distance

    levels, distances = jax.vmap(losses)(offsets)
    assert abs(offsets[jnp.argmin(levels)]) < 0.3
    assert abs(offsets[jnp.argmin(distances)] + 2.5) < 0.2


def test_sound_where_silence_was_said_does_not_outweigh_all_else():
    nats = 7.0
    mel = jnp.zeros((1, 1, 8))
    silence = Prior(jnp.full((1, 1, 8), -1.0), jnp.ones((1, 1, 8)))
    assert prior_losses(silence, mel, nats)[0] < 5


def test_a_prior_that_learns_first_needs_a_loss(as_released):
    with pytest.raises(ValueError, match="prior_first=3 with prior_weight=0"):
        TrainConfig(steps=4, prior_first=3, prior_weight=0)
