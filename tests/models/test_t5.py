"""What the T5 must and must not depend on."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax.traverse_util import flatten_dict
from t5_cases import (
    BATCH,
    CONCAT,
    CONFIG,
    EVERYTHING,
    FRAMES,
    HYBRID,
    MELS,
    QUICK,
    TIME,
    TOKENS,
    X_T,
    conditions,
    decoder,
    encoder,
    largest,
    normal,
    predict,
    variables_of,
)

from mt3synth.models.axes import LOGICAL_AXES
from mt3synth.models.conditions import Conditions
from mt3synth.models.t5 import T5, T5Config

CONFIGS = {
    "index": CONFIG,
    "event_time": replace(CONFIG, token_positions="event_time"),
    "roll": replace(CONFIG, score_encoder="roll"),
    "concat": CONCAT,
    "everything": EVERYTHING,
}


SOME = jnp.array([True, True, False, False])


@pytest.fixture(scope="module", params=CONFIGS)
def config(request: pytest.FixtureRequest) -> T5Config:
    return CONFIGS[request.param]


def other_score(given: Conditions) -> Conditions:
    other = conditions(1)
    return given._replace(tokens=other.tokens, token_times=other.token_times, roll=other.roll)


def other_performance(given: Conditions) -> Conditions:
    return given._replace(performance=(given.performance + 1) % CONFIG.performances)


def test_every_axis_has_its_name(config: T5Config) -> None:
    for box in jax.tree.leaves(
        variables_of(config), is_leaf=lambda leaf: isinstance(leaf, nn.Partitioned)
    ):
        assert isinstance(box, nn.LogicallyPartitioned)
        assert len(set(box.names)) == len(box.names) == box.value.ndim
        assert set(box.names) <= set(LOGICAL_AXES)
        assert box.value.dtype == jnp.float32


def test_every_parameter_learns_but_stored_positions(config: T5Config) -> None:
    given = conditions()._replace(keep_score=SOME, keep_performance=SOME[::-1])

    def loss(variables: dict[str, Any]) -> jax.Array:
        return jnp.sum(T5(config).apply(variables, X_T, TIME, given) ** 2)

    gradient = jax.jit(jax.grad(loss), compiler_options=QUICK)(nn.unbox(variables_of(config)))
    for name, leaf in flatten_dict(gradient, sep="/").items():
        assert jnp.all(jnp.isfinite(leaf)), name
        assert jnp.any(leaf != 0) != name.endswith("positions/table"), name


def test_score_is_heard_only_where_kept(config: T5Config) -> None:
    given = conditions()._replace(keep_score=SOME)
    difference = largest(predict(config, given) - predict(config, other_score(given)))
    assert jnp.all(difference[:2] > 1e-3)
    assert jnp.all(difference[2:] == 0)


def test_performance_is_heard_only_where_kept() -> None:
    given = conditions()._replace(keep_performance=SOME)
    difference = largest(predict(CONFIG, given) - predict(CONFIG, other_performance(given)))
    assert jnp.all(difference[:2] > 1e-3)
    assert jnp.all(difference[2:] == 0)


def test_performance_colours_the_encoded_score() -> None:
    variables, given = nn.unbox(variables_of(CONFIG)), conditions()
    one, other = (
        encoder(CONFIG)(variables, each).keys_values[0][0][0]
        for each in (given, other_performance(given))
    )
    assert jnp.max(jnp.abs(one - other)) > 1e-3


def test_unknown_performance_is_not_taken_for_another() -> None:
    given = conditions()._replace(performance=jnp.array([0, 3, -1, 2]))
    broken = jnp.any(jnp.isnan(predict(CONFIG, given)), axis=(1, 2))
    np.testing.assert_array_equal(broken, [False, True, True, False])


def test_context_needs_neither_noise_nor_time(config: T5Config) -> None:
    variables = nn.unbox(variables_of(config))
    parameters = variables["params"]
    timeless = {name: part for name, part in parameters["decoder"].items() if name != "time"}
    pruned = {"params": {**parameters, "decoder": timeless}}
    context = jax.eval_shape(encoder(config), pruned, conditions())
    assert all(leaf.shape[0] == BATCH for leaf in jax.tree.leaves(context))


def test_one_context_serves_every_step() -> None:
    variables = nn.unbox(variables_of(CONFIG))
    context = encoder(CONFIG)(variables, conditions())
    whole = jax.jit(T5(CONFIG).apply, compiler_options=QUICK)
    for step in (1, 2):
        x_t, time = normal(step, BATCH, FRAMES, MELS), TIME / step
        np.testing.assert_allclose(
            decoder(CONFIG)(variables, x_t, time, context),
            whole(variables, x_t, time, conditions()),
            atol=1e-5,
        )


@pytest.mark.parametrize("name", ["index", "event_time"])
def test_padding_changes_nothing(name: str) -> None:
    given = conditions()._replace(keep_score=SOME)
    padding = ((0, 0), (0, 7))
    assert given.tokens is not None and given.token_times is not None
    padded = given._replace(
        tokens=jnp.pad(given.tokens, padding),
        token_times=jnp.pad(given.token_times, padding, constant_values=99.0),
    )
    np.testing.assert_allclose(
        predict(CONFIGS[name], given), predict(CONFIGS[name], padded), atol=1e-5
    )


def test_nothing_is_heard_of_padding_alone() -> None:
    given = conditions()._replace(tokens=jnp.zeros((BATCH, TOKENS), jnp.int32))
    variables = nn.unbox(variables_of(CONFIG))
    context = encoder(CONFIG)(variables, given)
    louder = context._replace(keys_values=jax.tree.map(lambda x: 2 * x, context.keys_values))
    one, other = (decoder(CONFIG)(variables, X_T, TIME, each) for each in (context, louder))
    np.testing.assert_array_equal(one, other)


def test_any_number_of_frames() -> None:
    variables = nn.unbox(variables_of(CONFIG))
    context = encoder(CONFIG)(variables, conditions())
    for frames in (1, 5000):
        x_t = jax.ShapeDtypeStruct((BATCH, frames, MELS), jnp.float32)
        assert jax.eval_shape(decoder(CONFIG), variables, x_t, TIME, context).shape == x_t.shape


@pytest.mark.parametrize("name", ["index", "everything"])
def test_bfloat16_is_close(name: str) -> None:
    whole, half = CONFIGS[name], replace(CONFIGS[name], dtype="bfloat16")
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(variables_of(half)))
    context = encoder(half)(nn.unbox(variables_of(half)), conditions())
    kept = jax.tree.leaves((context.keys_values, context.frame_score))
    assert all(leaf.dtype == jnp.bfloat16 for leaf in kept)
    exact, rounded = predict(whole, conditions()), predict(half, conditions())
    assert rounded.dtype == jnp.float32
    assert jnp.std(rounded - exact) < 0.05 * jnp.std(exact)


def test_dropout_is_drawn_from_its_stream() -> None:
    variables = nn.unbox(variables_of(CONFIG))

    @partial(jax.jit, compiler_options=QUICK)
    def once(seed: int) -> jax.Array:
        streams = {"dropout": jax.random.key(seed)}
        return T5(CONFIG).apply(variables, X_T, TIME, conditions(), False, rngs=streams)

    np.testing.assert_array_equal(once(0), once(0))
    assert jnp.all(largest(once(0) - once(1)) > 1e-3)


def test_without_performances_only_time_modulates() -> None:
    names = flatten_dict(variables_of(replace(CONFIG, performances=0)), sep="/")
    assert not any("film" in name for name in names if "/encoder/" in name)
    assert not any("performance" in name for name in names)


@pytest.mark.parametrize(
    ("config", "change", "message"),
    [
        (CONFIG, {"tokens": None}, "needs tokens"),
        (CONFIGS["event_time"], {"token_times": None}, "needs token_times"),
        (CONFIGS["roll"], {"roll": None}, "needs a roll"),
        (HYBRID, {"roll": None}, "frame_roll=True needs a roll"),
        (replace(CONFIG, max_tokens=4), {}, r"5 tokens in a segment; must be 1\.\.4"),
    ],
)
def test_missing_score_is_refused(config: T5Config, change: dict[str, None], message: str) -> None:
    given: Conditions = conditions()._replace(**change)
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(T5(config).init, jax.random.key(0), X_T, TIME, given)


def test_other_mel_bins_are_refused() -> None:
    frames = jnp.zeros((BATCH, FRAMES, 9))
    with pytest.raises(ValueError, match="frames of 9 mel bins; must be 8"):
        jax.eval_shape(T5(CONFIG).init, jax.random.key(0), frames, TIME, conditions())
