"""With performances left out, the T5 is the network of Hawthorne et al. 2022.

Each golden is a tiny network of theirs, every array of which was jittered by noise of deviation
0.02, its tables of positions too. So the tables are stored here, as they are with context there.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax.traverse_util import unflatten_dict
from t5_cases import QUICK

from mt3synth.models.conditions import Conditions
from mt3synth.models.positions import sinusoid
from mt3synth.models.t5 import T5, T5Config

GOLDENS = Path(__file__).parents[1] / "goldens"
BASIC = T5Config(
    encoder_layers=2,
    decoder_layers=2,
    width=32,
    heads=2,
    head_width=16,
    mlp_width=48,
    mel_bins=128,
    max_tokens=64,
    max_frames=32,
    position_table="stored",
    null_score="masked",
)
CONFIGS = {"basic": BASIC, "context": replace(BASIC, context_frames=32)}
RENAMED = {
    "continuous_encoder/": "context_encoder/",
    "token_encoder/": "encoder/",
    "input_proj/": "context_projection/",
    "encoder/encoder_norm": "encoder/stack/encoder_norm",
    "encoder/layers_": "encoder/stack/layers_",
    "decoder/time_emb_": "decoder/time/mlp/",
    "Embed_0/embedding": "positions/table",
    "MultiHeadDotProductAttention_0": "cross_attention",
    "FiLMLayer_0/DenseGeneral_0": "self_attention_film/gamma_beta",
    "FiLMLayer_1/DenseGeneral_0": "mlp_film/gamma_beta",
}
"""The ancestor's name of a parameter, part by part, and ours."""


def ours(name: str) -> tuple[str, ...]:
    for theirs, renamed in RENAMED.items():
        name = name.replace(theirs, renamed)
    return tuple(name.split("/"))


@pytest.fixture(scope="module", params=CONFIGS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def golden(name: str) -> dict[str, np.ndarray]:
    return dict(np.load(GOLDENS / f"network_{name}.npz"))


@pytest.fixture(scope="module")
def variables(golden: dict[str, np.ndarray]) -> dict[str, Any]:
    return unflatten_dict(
        {ours(name): value for name, value in golden.items() if name.startswith("params/")}
    )


def conditions(golden: dict[str, np.ndarray]) -> Conditions:
    tokens = jnp.asarray(golden["tokens"])
    kept = jnp.ones(len(tokens), bool)
    score = Conditions(jnp.zeros(len(tokens), jnp.int32), kept, kept, tokens=tokens)
    if "context" not in golden:
        return score
    return score._replace(
        context=jnp.asarray(golden["context"]), context_mask=jnp.asarray(golden["context_mask"] > 0)
    )


def test_output_is_the_ancestors(
    name: str, golden: dict[str, np.ndarray], variables: dict[str, Any]
) -> None:
    output = jax.jit(T5(CONFIGS[name]).apply, compiler_options=QUICK)(
        variables, jnp.asarray(golden["z"]), jnp.asarray(golden["time"]), conditions(golden)
    )
    np.testing.assert_allclose(output, golden["output"], atol=1e-5)


def test_parameters_are_the_ancestors(
    name: str, golden: dict[str, np.ndarray], variables: dict[str, Any]
) -> None:
    shapes = jax.eval_shape(
        lambda: T5(CONFIGS[name]).init(
            jax.random.key(0), jnp.zeros((2, 32, 128)), jnp.zeros(2), conditions(golden)
        )
    )
    expected = jax.tree.map(lambda leaf: leaf.shape, nn.unbox(shapes))
    assert jax.tree.map(lambda leaf: leaf.shape, variables) == expected


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_computed_positions_are_the_ancestors_but_for_the_jitter(part: str) -> None:
    with np.load(GOLDENS / "network_basic.npz") as golden:
        expected = golden[f"params/{part}/Embed_0/embedding"]
    jitter = sinusoid(jnp.arange(len(expected), dtype=jnp.float32), BASIC.width) - expected
    assert 0.019 < jnp.std(jitter) < 0.021
    assert jnp.abs(jnp.mean(jitter)) < 0.001
