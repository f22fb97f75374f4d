"""The U-Net: what its output may and may not depend on."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.models.axes import LOGICAL_AXES
from mt3synth.models.conditions import Conditions
from mt3synth.models.unet import UNet, UNetConfig

CONFIG = UNetConfig(
    mel_bins=12,
    roll_channels=30,
    performances=3,
    widths=(16, 24),
    blocks=1,
    attention_levels=(1,),
    heads=4,
    roll_width=8,
    condition_width=4,
)


def conditions(seed: int = 0, frames: int = 20, **changes) -> Conditions:
    key = jax.random.key(seed)
    both = jnp.ones(2, bool)
    values = {
        "performance": jnp.array([0, 2]),
        "keep_score": both,
        "keep_performance": both,
        "roll": jax.random.uniform(key, (2, frames, CONFIG.roll_channels)),
    }
    return Conditions(**{**values, **changes})


@pytest.fixture(scope="module")
def frames():
    return jax.random.normal(jax.random.key(1), (2, 20, CONFIG.mel_bins))


@pytest.fixture(scope="module")
def params(frames):
    """Random everywhere, so that no layer is still the identity it starts as."""
    boxed = UNet(CONFIG).init(jax.random.key(2), frames, jnp.ones(2), conditions())
    leaves, tree = jax.tree.flatten(nn.meta.unbox(boxed))
    keys = jax.random.split(jax.random.key(3), len(leaves))
    return tree.unflatten([0.3 * jax.random.normal(k, leaf.shape) for k, leaf in zip(keys, leaves)])


def predict(params, frames, time=0.5, config=CONFIG, **changes):
    given = conditions(frames=frames.shape[1], **changes)
    return UNet(config).apply(params, frames, jnp.full(2, time), given)


def test_withheld_conditions_leave_no_trace(params, frames):
    none = jnp.zeros(2, bool)
    roll = jnp.ones((2, 20, CONFIG.roll_channels))
    np.testing.assert_array_equal(
        predict(params, frames, keep_score=none),
        predict(params, frames, keep_score=none, roll=roll),
    )
    np.testing.assert_array_equal(
        predict(params, frames, keep_performance=none),
        predict(params, frames, keep_performance=none, performance=jnp.array([1, 1])),
    )


def test_every_condition_counts(params, frames):
    base = predict(params, frames)
    none = jnp.zeros(2, bool)
    for changed in (
        predict(params, frames, time=0.6),
        predict(params, frames, performance=jnp.array([1, 1])),
        predict(params, frames, keep_score=none),
        predict(params, frames, keep_performance=none),
        predict(params, frames, roll=jnp.zeros((2, 20, CONFIG.roll_channels))),
    ):
        assert np.abs(changed - base).max() > 1e-3


@pytest.mark.parametrize("length", [1, 19, 20, 33])
def test_any_number_of_frames(params, length):
    x = jax.random.normal(jax.random.key(4), (2, length, CONFIG.mel_bins))
    assert predict(params, x).shape == x.shape


def test_an_untrained_network_predicts_nothing(frames):
    variables = UNet(CONFIG).init(jax.random.key(2), frames, jnp.ones(2), conditions())
    np.testing.assert_array_equal(predict(nn.meta.unbox(variables), frames), 0)


def test_every_parameter_has_named_axes_and_learns(params, frames):
    boxed = UNet(CONFIG).init(jax.random.key(2), frames, jnp.ones(2), conditions())
    is_boxed = lambda leaf: isinstance(leaf, nn.LogicallyPartitioned)  # noqa: E731
    for leaf in jax.tree.leaves(boxed, is_leaf=is_boxed):
        assert is_boxed(leaf) and len(leaf.names) == leaf.value.ndim
        assert set(leaf.names) <= set(LOGICAL_AXES)

    half = {name: jnp.array([True, False]) for name in ("keep_score", "keep_performance")}
    grads = jax.grad(lambda p: jnp.sum(predict(p, frames, **half) ** 2))(params)
    for path, grad in jax.tree.leaves_with_path(grads):
        assert np.isfinite(grad).all(), path
        # A bias before group norm is undone by it where a group is one channel wide.
        assert np.abs(grad).max() > 0, path


def test_bfloat16_activations_come_close(params, frames):
    narrow = dataclasses.replace(CONFIG, dtype="bfloat16")
    exact = predict(params, frames)
    error = predict(params, frames, config=narrow) - exact
    assert np.linalg.norm(error) < 0.05 * np.linalg.norm(exact)


def test_what_does_not_fit_is_named(params, frames):
    with pytest.raises(ValueError, match="hold none"):
        predict(params, frames, roll=None)
    with pytest.raises(ValueError, match="29 channels; the network was built for 30"):
        predict(params, frames, roll=jnp.zeros((2, 20, 29)))
    with pytest.raises(ValueError, match="multiple of groups"):
        dataclasses.replace(CONFIG, widths=(10,))
    with pytest.raises(ValueError, match="kernel=4 frames; must be odd"):
        dataclasses.replace(CONFIG, kernel=4)
