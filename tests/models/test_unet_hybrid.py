"""The U-Net that also attends to note events, against the one without and against NumPy."""

from __future__ import annotations

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from unet_cases import CONFIG, FORMS, FRAMES, compiled, conditions, predict, random_params

from mt3synth.models.unet import UNet
from mt3synth.models.unet_blocks import ScoreAttention

HYBRID = FORMS["hybrid"]
SILENCED = "score_attention']['out']"


@pytest.fixture(scope="module")
def params() -> Any:
    return random_params(HYBRID)


@pytest.fixture(scope="module")
def frames() -> Any:
    draw = np.random.default_rng(2)
    return jnp.asarray(draw.normal(size=(2, FRAMES, CONFIG.mel_bins)), jnp.float32)


def without_tokens(params: Any) -> Any:
    """Takes the parameters of the plain U-Net from among those of the hybrid."""
    own = ("token_encoder", "null_tokens")
    return {k: v for k, v in params["params"].items() if k not in own and "score_at" not in k}


def test_while_the_attention_to_tokens_writes_nothing_it_is_the_plain_unet(params, frames):
    silent = jax.tree.map_with_path(
        lambda path, leaf: leaf * 0 if SILENCED in jax.tree_util.keystr(path) else leaf, params
    )
    plain = {"params": without_tokens(params)}
    np.testing.assert_allclose(
        predict(HYBRID, silent, frames), predict(CONFIG, plain, frames), atol=1e-6
    )


def test_padding_among_tokens_leaves_no_trace(params, frames):
    given = conditions()
    longer = {
        "tokens": np.pad(given.tokens, ((0, 0), (0, 3))),
        "token_times": np.pad(given.token_times, ((0, 0), (0, 3)), constant_values=9.0),
    }
    np.testing.assert_allclose(
        predict(HYBRID, params, frames, **longer), predict(HYBRID, params, frames), atol=2e-6
    )


def test_decoding_needs_nothing_that_reads_tokens(params, frames):
    time = jnp.full(2, 0.5)
    network = UNet(HYBRID)
    context = jax.jit(lambda p: network.apply(p, conditions(), method="encode"))(params)
    left = {k: v for k, v in params["params"].items() if k != "token_encoder"}
    for place in ("down_1_score_attention", "up_1_score_attention"):
        left[place] = {k: v for k, v in left[place].items() if k not in ("key", "value")}
    decode = jax.jit(lambda p, c: network.apply({"params": p}, frames, time, c, method="decode"))
    found = decode(left, context)
    whole = compiled(HYBRID)(params, frames, time, conditions())
    np.testing.assert_allclose(found, whole, atol=1e-6)


def test_attention_to_tokens_as_numpy_has_it():
    """Computes one query and one head at a time, in float64, from the definition."""
    draw = np.random.default_rng(4)
    module = ScoreAttention(HYBRID, features=16, stride=4)
    x, encoded = (jnp.asarray(draw.normal(size=s), jnp.float32) for s in ((1, 3, 16), (1, 5, 8)))
    mask = jnp.asarray([[True, True, False, True, False]])

    def attend(module: ScoreAttention, x: Any, encoded: Any) -> Any:
        return module(x, module.keys_values(encoded), mask, None, True)

    shapes = jax.eval_shape(
        lambda: module.init(jax.random.key(0), x, encoded, method=attend)["params"]
    )
    params = jax.tree.map(
        lambda leaf: np.float32(0.5 * draw.normal(size=leaf.shape)), nn.meta.unbox(shapes)
    )
    found = jax.jit(lambda p: module.apply({"params": p}, x, encoded, method=attend))(params)

    weights = {k: np.float64(v["kernel"]) for k, v in params.items() if "kernel" in v}
    grouped = np.float64(x[0]).reshape(3, HYBRID.groups, 2)
    centred = grouped - grouped.mean(axis=(0, 2), keepdims=True)
    normed = centred / np.sqrt(centred.var(axis=(0, 2), keepdims=True) + 1e-6)
    normed = normed.reshape(3, 16) * params["norm"]["scale"] + params["norm"]["bias"]
    tokens = np.float64(encoded[0])[[0, 1, 3]]
    expected = np.float64(x[0])
    for frame, centre in enumerate((1.5, 5.5, 9.5)):
        waves = [1e4 ** -(pair / 3) for pair in range(4)]
        place = [np.sin(centre * w) for w in waves] + [np.cos(centre * w) for w in waves]
        query = (normed[frame] + place @ weights["place"]) @ weights["query"]
        mixed = []
        for head in (slice(0, 4), slice(4, 8)):
            likeness = np.exp((tokens @ weights["key"])[:, head] @ query[head])
            mixed.append(likeness / likeness.sum() @ (tokens @ weights["value"])[:, head])
        expected[frame] += np.concatenate(mixed) @ weights["out"]
    np.testing.assert_allclose(found[0], expected, atol=1e-4)


def test_missing_tokens_are_named(params, frames):
    with pytest.raises(ValueError, match="needs tokens"):
        predict(HYBRID, params, frames, tokens=None)
    short = dataclasses.replace(HYBRID, max_tokens=6)
    with pytest.raises(ValueError, match=r"7 tokens in a segment; must be 1\.\.6"):
        predict(short, params, frames)
