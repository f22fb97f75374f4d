"""The context encoder: what it adds, and that nothing is heard of a context that is not there."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax.traverse_util import flatten_dict, unflatten_dict
from t5_cases import (
    BATCH,
    BEFORE,
    CONCAT,
    CONFIG,
    FRAMES,
    MELS,
    QUICK,
    SUM,
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

from mt3synth.models.conditions import Conditions
from mt3synth.models.t5 import T5, T5Config
from mt3synth.models.t5_decoder import DecoderLayer

SOME = jnp.array([True, True, False, False])
NOWHERE = jnp.zeros((BATCH, BEFORE), bool)


@pytest.fixture(params=["concat", "sum"])
def config(request: pytest.FixtureRequest) -> T5Config:
    return {"concat": CONCAT, "sum": SUM}[request.param]


def test_context_is_heard_only_where_there_is_one(config: T5Config) -> None:
    given = conditions()._replace(context_mask=jnp.repeat(SOME[:, None], BEFORE, axis=1))
    other = given._replace(context=conditions(1).context)
    difference = largest(predict(config, given) - predict(config, other))
    assert jnp.all(difference[:2] > 1e-3)
    assert jnp.all(difference[2:] == 0)


def test_without_context_it_is_the_network_without_an_encoder_of_it(config: T5Config) -> None:
    plain = replace(config, context_frames=0, context_attention="concat")
    alone = {
        name: leaf
        for name, leaf in flatten_dict(nn.unbox(variables_of(config))).items()
        if "context_encoder" not in name and "context_cross_attention" not in name
    }
    variables, given = unflatten_dict(alone), conditions()._replace(context_mask=NOWHERE)
    expected = decoder(plain)(variables, X_T, TIME, encoder(plain)(variables, given))
    np.testing.assert_allclose(predict(config, given), expected, atol=1e-5)


def test_nothing_at_all_to_attend_to_is_finite() -> None:
    given = conditions()._replace(context_mask=NOWHERE, keep_score=jnp.zeros(BATCH, bool))

    def loss(variables: dict[str, Any]) -> jax.Array:
        return jnp.sum(T5(CONCAT).apply(variables, X_T, TIME, given) ** 2)

    value = jax.jit(jax.value_and_grad(loss), compiler_options=QUICK)
    for leaf in jax.tree.leaves(value(nn.unbox(variables_of(CONCAT)))):
        assert jnp.all(jnp.isfinite(leaf))


def test_only_what_came_last_matters_not_where_it_lies(config: T5Config) -> None:
    """Reads two frames by themselves, ahead of padding, behind it, and the other way round."""
    frames, padding = normal(3, BATCH, 2, MELS), 9 * normal(4, BATCH, 2, MELS)
    yes, no = jnp.ones((BATCH, 2), bool), jnp.zeros((BATCH, 2), bool)

    def heard(context: list[jax.Array], mask: list[jax.Array]) -> jax.Array:
        joined = (jnp.concatenate(each, axis=1) for each in (context, mask))
        return predict(
            config, conditions()._replace(**dict(zip(("context", "context_mask"), joined)))
        )

    alone = heard([frames], [yes])
    np.testing.assert_allclose(heard([frames, padding], [yes, no]), alone, atol=1e-5)
    np.testing.assert_allclose(heard([padding, frames], [no, yes]), alone, atol=1e-5)
    assert jnp.all(largest(heard([frames[:, ::-1]], [yes]) - alone) > 1e-4)


def test_score_and_context_are_attended_to_as_one_or_apart() -> None:
    shapes = {
        "concat": [(BATCH, 2, TOKENS + BEFORE, 4)],
        "sum": [(BATCH, 2, TOKENS, 4), (BATCH, 2, BEFORE, 4)],
    }
    for config in (CONCAT, SUM):
        context = jax.eval_shape(encoder(config), nn.unbox(variables_of(config)), conditions())
        for keys_values in context.keys_values:
            keys = [keys.shape for keys, _ in keys_values]
            assert keys == shapes[config.context_attention]
        assert [mask.shape[1] for mask in context.masks] == [shape[2] for shape in keys]


def test_sum_adds_what_either_would() -> None:
    """Silences the feed-forward block, so that a layer adds up what it attends to, side by side."""
    layer = DecoderLayer(SUM)
    parameters = nn.unbox(variables_of(SUM))["params"]["decoder"]["layers_0"]
    silent = {"kernel": jnp.zeros_like(parameters["mlp"]["wo"]["kernel"])}
    parameters = {**parameters, "mlp": {**parameters["mlp"], "wo": silent}}
    x, condition = normal(1, BATCH, FRAMES, SUM.width), normal(4, BATCH, 8 * SUM.width)
    encoded = normal(2, BATCH, TOKENS, SUM.width), normal(3, BATCH, TOKENS, SUM.width)

    @partial(jax.jit, compiler_options=QUICK)
    def output(
        parameters: dict[str, Any], encoded: tuple[jax.Array, ...], heard: jax.Array
    ) -> jax.Array:
        def run(layer: DecoderLayer) -> jax.Array:
            masks = tuple(jnp.full((BATCH, TOKENS), hear) for hear in heard)
            return layer(x, layer.keys_values(encoded), masks, condition, True)

        return nn.apply(run, layer)({"params": parameters})

    both, score, context, neither = (
        output(parameters, encoded, jnp.array(heard))
        for heard in ((True, True), (True, False), (False, True), (False, False))
    )
    np.testing.assert_allclose(both, score + context - neither, atol=1e-5)
    assert jnp.all(largest(score - neither) > 1e-3)
    assert jnp.all(largest(context - neither) > 1e-3)

    exchanged = {
        **parameters,
        "cross_attention": parameters["context_cross_attention"],
        "context_cross_attention": parameters["cross_attention"],
    }
    swapped = output(exchanged, encoded[::-1], jnp.array((True, True)))
    np.testing.assert_allclose(swapped, both, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"context": None}, "context_frames=4 needs context and context_mask"),
        ({"context_mask": None}, "context_frames=4 needs context and context_mask"),
        (
            {"context": jnp.zeros((BATCH, 5, MELS)), "context_mask": jnp.ones((BATCH, 5), bool)},
            r"5 frames of context; must be 1\.\.4",
        ),
        ({"context": jnp.zeros((BATCH, BEFORE, 9))}, "context of 9 mel bins; must be 8"),
    ],
)
def test_context_is_checked(change: dict[str, Any], message: str) -> None:
    given: Conditions = conditions()._replace(**change)
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(T5(SUM).init, jax.random.key(0), X_T, TIME, given)


def test_stored_positions_bound_the_frames() -> None:
    variables = nn.unbox(variables_of(CONCAT))
    context = encoder(CONCAT)(variables, conditions())
    with pytest.raises(ValueError, match="7 frames in a segment; the network stores 6 positions"):
        jax.eval_shape(decoder(CONCAT), variables, jnp.zeros((BATCH, 7, MELS)), TIME, context)
    rolls = replace(CONFIG, score_encoder="roll", position_table="stored", max_frames=FRAMES - 1)
    with pytest.raises(ValueError, match="6 frames in a segment; the network stores 5 positions"):
        jax.eval_shape(T5(rolls).init, jax.random.key(0), X_T[:, :5], TIME, conditions())
