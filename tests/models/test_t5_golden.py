"""With performances left out, the T5 is the network of Hawthorne et al. 2022.

The golden is a tiny network of theirs, every array of which was jittered by noise of deviation
0.02, its tables of positions too. So the tables are put where we compute sinusoids.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax.traverse_util import unflatten_dict
from t5_cases import QUICK

from mt3synth.models import score_encoders, t5_decoder
from mt3synth.models.conditions import Conditions
from mt3synth.models.positions import sinusoid
from mt3synth.models.t5 import T5, T5Config

GOLDEN = Path(__file__).parents[1] / "goldens" / "network_basic.npz"
CONFIG = T5Config(
    encoder_layers=2, decoder_layers=2, width=32, heads=2, head_width=16, mlp_width=48, mel_bins=128
)
RENAMED = {
    "encoder/encoder_norm": "encoder/stack/encoder_norm",
    "encoder/layers_": "encoder/stack/layers_",
    "decoder/time_emb_": "decoder/time/mlp/",
    "MultiHeadDotProductAttention_0": "cross_attention",
    "FiLMLayer_0/DenseGeneral_0": "self_attention_film/gamma_beta",
    "FiLMLayer_1/DenseGeneral_0": "mlp_film/gamma_beta",
}
"""The ancestor's name of a parameter, part by part, and ours."""


def ours(name: str) -> tuple[str, ...]:
    for theirs, renamed in RENAMED.items():
        name = name.replace(theirs, renamed)
    return tuple(name.split("/"))


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    return dict(np.load(GOLDEN))


@pytest.fixture(scope="module")
def variables(golden: dict[str, np.ndarray]) -> dict[str, Any]:
    parameters = {
        ours(name): value
        for name, value in golden.items()
        if name.startswith("params/") and "Embed_0" not in name  # position tables, not learned
    }
    parameters["params", "null_score"] = np.zeros(CONFIG.width, np.float32)
    return unflatten_dict(parameters)


def conditions(golden: dict[str, np.ndarray]) -> Conditions:
    tokens = jnp.asarray(golden["tokens"])
    kept = jnp.ones(len(tokens), bool)
    return Conditions(jnp.zeros(len(tokens), jnp.int32), kept, kept, tokens=tokens)


def table(golden: dict[str, np.ndarray], part: str) -> jax.Array:
    return jnp.asarray(golden[f"params/{part}/Embed_0/embedding"])


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_positions_are_the_ancestors_but_for_the_jitter(
    golden: dict[str, np.ndarray], part: str
) -> None:
    expected = table(golden, part)
    jitter = sinusoid(jnp.arange(len(expected), dtype=jnp.float32), CONFIG.width) - expected
    assert 0.019 < jnp.std(jitter) < 0.021
    assert jnp.abs(jnp.mean(jitter)) < 0.001


def test_output_is_the_ancestors(
    golden: dict[str, np.ndarray], variables: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score_encoders, "sinusoid", lambda *_: table(golden, "encoder"))
    monkeypatch.setattr(t5_decoder, "sinusoid", lambda *_: table(golden, "decoder"))
    output = jax.jit(T5(CONFIG).apply, compiler_options=QUICK)(
        variables, jnp.asarray(golden["z"]), jnp.asarray(golden["time"]), conditions(golden)
    )
    np.testing.assert_allclose(output, golden["output"], atol=1e-5)


def test_parameters_are_the_ancestors(
    golden: dict[str, np.ndarray], variables: dict[str, Any]
) -> None:
    shapes = jax.eval_shape(
        lambda: T5(CONFIG).init(
            jax.random.key(0), jnp.zeros((2, 32, 128)), jnp.zeros(2), conditions(golden)
        )
    )
    expected = jax.tree.map(lambda leaf: leaf.shape, nn.unbox(shapes))
    assert jax.tree.map(lambda leaf: leaf.shape, variables) == expected
