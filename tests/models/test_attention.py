"""Our attention against Flax's, which scales logits where ours scales the initializer."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from t5_cases import BATCH, CONFIG, FRAMES, TOKENS, normal

from mt3synth.models.layers import Attention

WIDTH, HEADS, HEAD_WIDTH = CONFIG.width, CONFIG.heads, CONFIG.head_width


def test_attention_is_flax_attention() -> None:
    x, source = normal(1, BATCH, FRAMES, WIDTH), normal(2, BATCH, TOKENS, WIDTH)
    mask = jnp.arange(TOKENS) < jnp.array([1, 2, 4, TOKENS])[:, None]
    inward = {name: normal(i, WIDTH, HEADS, HEAD_WIDTH) for i, name in enumerate(("q", "k", "v"))}
    out = normal(4, HEADS, HEAD_WIDTH, WIDTH)

    theirs = jax.jit(
        nn.MultiHeadDotProductAttention(
            num_heads=HEADS, qkv_features=HEADS * HEAD_WIDTH, use_bias=False
        ).apply
    )(
        {
            "params": {
                "query": {"kernel": inward["q"] * np.sqrt(HEAD_WIDTH)},
                "key": {"kernel": inward["k"]},
                "value": {"kernel": inward["v"]},
                "out": {"kernel": out},
            }
        },
        x,
        source,
        mask=mask[:, None, None, :],
    )

    def attend(module: Attention) -> jax.Array:
        return module(x, module.keys_values(source), mask, True)

    joined = HEADS * HEAD_WIDTH
    ours = jax.jit(nn.apply(attend, Attention(CONFIG)))(
        {
            "params": {
                "query": {"kernel": inward["q"].reshape(WIDTH, joined)},
                "key": {"kernel": inward["k"].reshape(WIDTH, joined)},
                "value": {"kernel": inward["v"].reshape(WIDTH, joined)},
                "out": {"kernel": out.reshape(joined, WIDTH)},
            }
        }
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
