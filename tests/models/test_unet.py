"""The U-Net in every form: what its output may and may not depend on."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from unet_cases import (
    CONFIG,
    FORMS,
    FRAMES,
    HASTE,
    boxed_shapes,
    conditions,
    predict,
    random_params,
)

from mt3synth.models.axes import LOGICAL_AXES
from mt3synth.models.unet import UNet

NONE = np.zeros(2, bool)
OTHERS = np.array([1, 1], np.int32)


@pytest.fixture(scope="module")
def frames():
    draw = np.random.default_rng(2)
    return jnp.asarray(draw.normal(size=(2, FRAMES, CONFIG.mel_bins)), jnp.float32)


@pytest.fixture(scope="module", params=FORMS)
def form(request):
    return FORMS[request.param]


@pytest.fixture(scope="module")
def params(form):
    return random_params(form)


def test_withheld_conditions_leave_no_trace(form, params, frames):
    roll = np.ones((2, FRAMES, CONFIG.roll_channels), np.float32)
    tokens = np.full((2, 7), 3, np.int32)
    np.testing.assert_array_equal(
        predict(form, params, frames, keep_score=NONE),
        predict(form, params, frames, keep_score=NONE, roll=roll, tokens=tokens),
    )
    np.testing.assert_array_equal(
        predict(form, params, frames, keep_performance=NONE),
        predict(form, params, frames, keep_performance=NONE, performance=OTHERS),
    )


def test_every_condition_counts(form, params, frames):
    base = predict(form, params, frames)
    for changed in (
        predict(form, params, frames, time=0.6),
        predict(form, params, frames, performance=OTHERS),
        predict(form, params, frames, keep_score=NONE),
        predict(form, params, frames, keep_performance=NONE),
        predict(form, params, frames, roll=np.zeros((2, FRAMES, 30), np.float32)),
    ):
        assert np.abs(changed - base).max() > 1e-3


def test_tokens_count_where_they_are_read(form, params, frames):
    changed = predict(form, params, frames, tokens=np.full((2, 7), 3, np.int32))
    difference = np.abs(changed - predict(form, params, frames)).max()
    assert (difference > 1e-3) == ("tokens" in form.inputs)


def test_an_untrained_network_predicts_nothing(frames):
    config = dataclasses.replace(CONFIG, widths=(16,), attention_levels=(0,))
    init = jax.jit(UNet(config).init, compiler_options=HASTE)
    variables = nn.meta.unbox(init(jax.random.key(2), frames, jnp.ones(2), conditions()))
    np.testing.assert_array_equal(predict(config, variables, frames), 0)


def test_every_parameter_has_named_axes_and_learns(form, params, frames):
    is_boxed = lambda leaf: isinstance(leaf, nn.LogicallyPartitioned)  # noqa: E731
    for leaf in jax.tree.leaves(boxed_shapes(form), is_leaf=is_boxed):
        assert is_boxed(leaf) and len(leaf.names) == leaf.value.ndim
        assert set(leaf.names) <= set(LOGICAL_AXES)

    one = np.array([True, False])
    given = conditions(keep_score=one, keep_performance=one)

    def loss(params):
        return jnp.sum(UNet(form).apply(params, frames, jnp.full(2, 0.5), given) ** 2)

    grads = jax.jit(jax.grad(loss), compiler_options=HASTE)(params)
    for path, grad in jax.tree.leaves_with_path(grads):
        assert np.isfinite(grad).all(), path
        # A bias before group norm is undone by it where a group is one channel wide.
        assert np.abs(grad).max() > 0, path


@pytest.mark.parametrize("name", [pytest.param("light", marks=pytest.mark.slow), "hybrid"])
def test_bfloat16_activations_come_close(name, frames):
    form = FORMS[name]
    params, narrow = random_params(form), dataclasses.replace(form, dtype="bfloat16")
    exact = predict(form, params, frames)
    error = predict(narrow, params, frames) - exact
    assert np.linalg.norm(error) < 0.05 * np.linalg.norm(exact)


def test_what_does_not_fit_is_named(frames):
    params = random_params(CONFIG)
    with pytest.raises(ValueError, match="hold none"):
        predict(CONFIG, params, frames, roll=None)
    with pytest.raises(ValueError, match="29 channels; the network was built for 30"):
        predict(CONFIG, params, frames, roll=np.zeros((2, FRAMES, 29), np.float32))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"widths": (10,)}, "multiple of groups"),
        ({"kernel": 4}, "kernel=4 frames; must be odd"),
        ({"attention_levels": (2,)}, r"attention_levels=\(2,\); must be among the levels 0 to 1"),
        ({"condition_width": 5}, "condition_width=5 channels; must be even"),
        ({"dropout": 1.0}, r"dropout=1.0; must be in \[0, 1\)"),
        ({"groups": 0}, "groups=0; must be at least 1"),
        ({"token_layers": 1}, "vocabulary_size=0; must be at least 1"),
        (
            {"token_layers": 1, "vocabulary_size": 9, "attention_levels": ()},
            "tokens are read where there is attention",
        ),
    ],
)
def test_a_configuration_that_is_none_is_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        dataclasses.replace(CONFIG, **changes)


def test_an_unknown_layout_is_refused(as_released):
    with pytest.raises(ValueError, match="layout='deep'; must be one of"):
        dataclasses.replace(CONFIG, layout="deep")


def test_a_vocabulary_that_is_not_read_tells_no_networks_apart():
    assert dataclasses.replace(CONFIG, vocabulary_size=1391) == CONFIG
    assert CONFIG.inputs == ("roll",) and FORMS["hybrid"].inputs == ("tokens", "roll")
    assert CONFIG.context_frames == 0
