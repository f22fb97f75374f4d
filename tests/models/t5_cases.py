"""A T5 small enough to compile in a second, and something to feed it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from mt3synth.models.conditions import Conditions
from mt3synth.models.t5 import T5, T5Config

QUICK = {"xla_backend_optimization_level": 0}
"""Compiling takes longer than running here."""

BATCH, FRAMES, TOKENS, MELS, CHANNELS, BEFORE = 4, 6, 5, 8, 3, 3
CONFIG = T5Config(
    encoder_layers=1,
    decoder_layers=1,
    width=16,
    heads=2,
    head_width=4,
    mlp_width=24,
    mel_bins=MELS,
    vocabulary_size=32,
    performances=3,
)

HYBRID = replace(CONFIG, frame_roll=True, mel_kernel=7)
CONCAT = replace(
    CONFIG, context_frames=4, position_table="stored", max_frames=FRAMES, null_score="masked"
)
SUM = replace(CONFIG, context_frames=4, context_attention="sum")
EVERYTHING = replace(SUM, frame_roll=True, mel_kernel=7)


def normal(seed: int, *shape: int) -> jax.Array:
    return jax.random.normal(jax.random.key(seed), shape)


X_T = normal(0, BATCH, FRAMES, MELS)
TIME = jnp.array([0.1, 0.4, 0.6, 0.9])


def conditions(seed: int = 0) -> Conditions:
    """Tokens of which the last is padding, their times, a roll and a context; all of it kept."""
    tokens = jax.random.randint(jax.random.key(seed), (BATCH, TOKENS), 1, CONFIG.vocabulary_size)
    return Conditions(
        performance=(jnp.arange(BATCH) + seed) % CONFIG.performances,
        keep_score=jnp.ones(BATCH, bool),
        keep_performance=jnp.ones(BATCH, bool),
        tokens=tokens.at[:, -1].set(0),
        token_times=jnp.sort(jnp.abs(3 * normal(seed, BATCH, TOKENS)), axis=1),
        roll=normal(seed, BATCH, FRAMES, CHANNELS),
        context=normal(seed + 50, BATCH, BEFORE, MELS),
        context_mask=jnp.ones((BATCH, BEFORE), bool),
    )


@cache
def variables_of(config: T5Config) -> dict[str, Any]:
    """Parameters still boxed with the names of their axes; drawn by NumPy, to compile nothing."""
    shapes = jax.eval_shape(T5(config).init, jax.random.key(0), X_T, TIME, conditions())
    draw = np.random.default_rng(0)

    def value(leaf: jax.ShapeDtypeStruct) -> jax.Array:
        sample = draw.standard_normal(leaf.shape) / np.sqrt(leaf.shape[0])
        return jnp.asarray(sample, leaf.dtype)

    return jax.tree.map(value, shapes)


@cache
def encoder(config: T5Config) -> Callable[..., Any]:
    return jax.jit(partial(T5(config).apply, method="encode"), compiler_options=QUICK)


@cache
def decoder(config: T5Config) -> Callable[..., jax.Array]:
    return jax.jit(partial(T5(config).apply, method="decode"), compiler_options=QUICK)


def predict(config: T5Config, given: Conditions) -> jax.Array:
    variables = nn.unbox(variables_of(config))
    return decoder(config)(variables, X_T, TIME, encoder(config)(variables, given))


def largest(difference: jax.Array) -> jax.Array:
    """Finds the largest difference of each segment."""
    return jnp.max(jnp.abs(difference), axis=(1, 2))
