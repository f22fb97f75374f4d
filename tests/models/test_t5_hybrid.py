"""The roll beside the frames, and the convolution through which noisy frames enter."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax.traverse_util import flatten_dict, unflatten_dict
from t5_cases import (
    BATCH,
    CHANNELS,
    CONFIG,
    HYBRID,
    MELS,
    TIME,
    X_T,
    conditions,
    decoder,
    encoder,
    largest,
    normal,
    predict,
    variables_of,
)

from mt3synth.models.t5 import T5

LONG = 20


@pytest.mark.parametrize("null_score", ["learned", "masked"])
def test_roll_is_heard_only_where_kept(null_score: str) -> None:
    config = replace(HYBRID, null_score=null_score)
    given = conditions()._replace(keep_score=jnp.array([True, True, False, False]))
    difference = largest(
        predict(config, given) - predict(config, given._replace(roll=conditions(1).roll))
    )
    assert jnp.all(difference[:2] > 1e-3)
    assert jnp.all(difference[2:] == 0)


def test_roll_is_added_where_it_sounds() -> None:
    silence = jnp.zeros((BATCH, LONG, CHANNELS))
    rolls = silence, silence.at[:, 9, 1].set(1.0)
    variables = nn.unbox(variables_of(HYBRID))
    silent, sounding = (
        encoder(HYBRID)(variables, conditions()._replace(roll=roll)).frame_score for roll in rolls
    )
    assert silent.shape == (BATCH, LONG, HYBRID.width)
    changed = jnp.any(silent != sounding, axis=(0, 2))
    np.testing.assert_array_equal(jnp.flatnonzero(changed), np.arange(6, 13))


def test_withheld_roll_is_nothing_where_null_is_masked() -> None:
    config = replace(HYBRID, null_score="masked")
    given = conditions()._replace(keep_score=jnp.zeros(BATCH, bool))
    context = encoder(config)(nn.unbox(variables_of(config)), given)
    assert jnp.all(context.frame_score == 0)
    assert not jnp.any(context.masks[0])


def test_frames_and_roll_are_of_one_length() -> None:
    variables = nn.unbox(variables_of(HYBRID))
    context = encoder(HYBRID)(variables, conditions())
    with pytest.raises(ValueError, match="7 noisy frames with a roll of 6"):
        jax.eval_shape(decoder(HYBRID), variables, jnp.zeros((BATCH, 7, MELS)), TIME, context)


def test_a_kernel_of_seven_holds_a_kernel_of_one() -> None:
    wide = replace(CONFIG, mel_kernel=7)
    name = ("params", "decoder", "continuous_inputs_projection", "kernel")
    dense = flatten_dict(nn.unbox(variables_of(CONFIG)))
    seven = flatten_dict(nn.unbox(variables_of(wide)))
    assert dense[name].shape == (MELS, CONFIG.width)
    assert seven[name].shape == (7, MELS, CONFIG.width)
    centred = jnp.zeros_like(seven[name]).at[3].set(dense[name])
    variables = unflatten_dict({**dense, name: centred})
    context = encoder(CONFIG)(nn.unbox(variables_of(CONFIG)), conditions())
    np.testing.assert_allclose(
        decoder(wide)(variables, X_T, TIME, context),
        decoder(CONFIG)(unflatten_dict(dense), X_T, TIME, context),
        atol=1e-5,
    )


def test_seven_frames_are_seen_at_once() -> None:
    wide = replace(CONFIG, mel_kernel=7)
    project = T5(wide).bind(nn.unbox(variables_of(wide))).decoder.continuous_inputs_projection
    x = normal(0, 1, LONG, MELS)
    changed = jnp.any(project(x) != project(x.at[:, 8].add(1.0)), axis=(0, 2))
    np.testing.assert_array_equal(jnp.flatnonzero(changed), np.arange(5, 12))
