"""Fine-tuning a network that knows no performances: it begins as what it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from training_cases import tiny_spec

from mt3synth.audio.mel import MELGAN
from mt3synth.bundle import Bundle, Performance, abstract_params
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec, make_spec
from mt3synth.models.conditions import Conditions
from mt3synth.models.t5 import T5Config
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.roll import RollSpec
from mt3synth.training.diffusion.warm_start import adapt_parameters

WANTED = [{"name": "mine"}, {"name": "yours"}, {"name": "theirs"}]
FRAMES = 16
QUICK = {"xla_backend_optimization_level": 0}


def t5_spec(performances: int, **options: object) -> ModelSpec:
    """Makes the ancestor's form of the T5, very small."""
    shape = dict(
        encoder_layers=1,
        decoder_layers=1,
        width=16,
        heads=2,
        head_width=4,
        mlp_width=24,
        max_tokens=12,
        max_frames=FRAMES,
        context_frames=FRAMES,
        position_table="stored",
        null_score="masked",
    )
    return make_spec(
        partial(T5Config, **{**shape, **options}),
        mel=MELGAN,
        roll=RollSpec(),
        codec=EventCodec(1),
        performances=performances,
        diffusion=DiffusionSpec("eps", "l1"),
        segment_frames=FRAMES,
    )


def random(spec: ModelSpec) -> dict:
    draw = np.random.default_rng(0)
    return jax.tree.map(lambda x: np.float32(draw.normal(0, 0.3, x.shape)), abstract_params(spec))


@pytest.fixture(scope="module")
def unconditioned() -> Bundle:
    spec = t5_spec(0)
    sound = Performance(0, "unconditioned", "theirs")
    return Bundle(spec, (sound,), "unconditioned", random(spec), Path("theirs"))


# A segment with everything, one without score, one without context, one with neither.
SCORE = jnp.array([True, False, True, False])
CONTEXT = jnp.array([True, True, False, False])


@cache
def compiled(spec: ModelSpec) -> Callable[..., jax.Array]:
    """Output for the four segments, and the gradient of its mean square."""
    keys = jax.random.split(jax.random.key(1), 3)
    conditions = Conditions(
        performance=jnp.array([0, 0, 2, 0]) if spec.network.performances else jnp.zeros(4, int),
        keep_score=SCORE,
        keep_performance=jnp.array([True, True, False, True]),
        tokens=jax.random.randint(keys[0], (4, 9), 1, 1536),
        context=jax.random.normal(keys[1], (4, FRAMES, MELGAN.bins)),
        context_mask=jnp.tile(CONTEXT[:, None], (1, FRAMES)),
    )
    x_t = jax.random.normal(keys[2], (4, FRAMES, MELGAN.bins))
    network, time = spec.build(), jnp.array([0.2, 0.7, 0.4, 0.9])

    def loss(params: dict) -> tuple[jax.Array, jax.Array]:
        output = network.apply({"params": params}, x_t, time, conditions)
        return (output**2).mean(), output

    return jax.jit(jax.grad(loss, has_aux=True), compiler_options=QUICK)


@pytest.mark.parametrize("null", ["masked", "learned"])
def test_it_begins_with_the_given_output(unconditioned: Bundle, null: str) -> None:
    spec = t5_spec(len(WANTED), null_score=null)
    params = adapt_parameters(unconditioned, spec, WANTED)
    _, expected = compiled(unconditioned.spec)(unconditioned.params)
    _, found = compiled(spec)(params)
    # A learned null is one thing to attend to beside the context; alone its zeros are nothing.
    same = SCORE | ~CONTEXT if null == "learned" else SCORE | True
    close = 2e-6 * float(jnp.abs(expected).max())
    np.testing.assert_allclose(found[same], expected[same], atol=close)


def test_what_is_new_is_all_that_is_new(unconditioned: Bundle) -> None:
    spec = t5_spec(len(WANTED))
    grown = flatten_dict(adapt_parameters(unconditioned, spec, WANTED), sep="/")
    old = flatten_dict(unconditioned.params, sep="/")
    changed = {
        name
        for name, value in grown.items()
        if name not in old or not np.array_equal(value, old[name])
    }
    films = {"decoder/layers_0/self_attention_film", "decoder/layers_0/mlp_film"}
    films |= {"encoder/stack/layers_0/attention_film", "encoder/stack/layers_0/mlp_film"}
    embedding = {"embedding", "null", "mlp/dense0/kernel", "mlp/dense1/kernel"}
    assert changed == {f"{film}/gamma_beta/kernel" for film in films} | {
        f"performance_embedding/{name}" for name in embedding
    }
    assert grown["performance_embedding/embedding"].std() > 0.5


def test_every_performance_can_be_learned(unconditioned: Bundle) -> None:
    """Follows the gradient to the zeros, and from there to the embeddings once they have moved."""
    spec = t5_spec(len(WANTED))
    params = adapt_parameters(unconditioned, spec, WANTED)
    gradient, _ = compiled(spec)(params)
    first = flatten_dict(gradient, sep="/")
    for film in ("encoder/stack/layers_0/mlp_film", "decoder/layers_0/mlp_film"):
        new_rows = first[f"{film}/gamma_beta/kernel"][:64]
        assert float(jnp.abs(new_rows).max()) > 0
    gradient, _ = compiled(spec)(jax.tree.map(lambda p, g: p - 0.1 * g, params, gradient))
    table = jnp.abs(gradient["performance_embedding"]["embedding"]).max(axis=1)
    assert table[0] > 0 and table[1] == table[2] == 0  # 2 is withheld, 1 not in the batch


def test_other_differences_are_refused(unconditioned: Bundle) -> None:
    wider = t5_spec(len(WANTED), mlp_width=32)
    with pytest.raises(UserError, match=r"network.mlp_width \(24 in the bundle, 32 asked for"):
        adapt_parameters(unconditioned, wider, WANTED)
    spec = t5_spec(len(WANTED))
    lower = dataclasses.replace(spec, mel=dataclasses.replace(MELGAN, high_hz=7000.0))
    with pytest.raises(UserError, match=r"other mel frames: high_hz=7000.0 \(bundle: 8000.0\);"):
        adapt_parameters(unconditioned, lower, WANTED)
    with pytest.raises(
        UserError, match=r"another model: network.type \('t5' in the bundle, 'unet'"
    ):
        adapt_parameters(unconditioned, tiny_spec(3), WANTED)


def test_there_is_no_neighbour_to_begin_like(unconditioned: Bundle) -> None:
    with pytest.raises(UserError, match="knows no performance 'unconditioned'; known are: none"):
        adapt_parameters(unconditioned, t5_spec(len(WANTED)), WANTED, {"mine": "unconditioned"})


def test_a_masked_null_cannot_be_made_of_a_learned_one(unconditioned: Bundle) -> None:
    spec = t5_spec(0, null_score="learned")
    learned = dataclasses.replace(unconditioned, spec=spec, params=random(spec))
    with pytest.raises(UserError, match=r"null_score \('learned' in the bundle, 'masked'"):
        adapt_parameters(learned, t5_spec(len(WANTED)), WANTED)
