"""Tiny U-Nets of every form and what they are given, shared by the tests of the U-Net."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mt3synth.models.conditions import Conditions
from mt3synth.models.unet import UNet, UNetConfig
from mt3synth.types import Array

CONFIG = UNetConfig(
    mel_bins=12,
    roll_channels=30,
    performances=3,
    widths=(16, 24),
    blocks=1,
    attention_levels=(1,),
    heads=4,
    roll_width=8,
    condition_width=4,
)
TOKENS = dict(token_layers=1, token_width=8, token_heads=2, token_head_width=4, token_mlp_width=16)
FORMS = {
    "light": CONFIG,
    "ddpm": dataclasses.replace(CONFIG, layout="ddpm", middle=True),
    "hybrid": dataclasses.replace(CONFIG, **TOKENS, vocabulary_size=20),
}
FRAMES = 20


def conditions(frames: int = FRAMES, **changes: Any) -> Conditions:
    """Makes a roll, seven tokens of which two are padding, and two of the performances."""
    draw = np.random.default_rng(1)
    values = {
        "performance": np.array([0, 2], np.int32),
        "keep_score": np.ones(2, bool),
        "keep_performance": np.ones(2, bool),
        "roll": np.float32(draw.uniform(size=(2, frames, CONFIG.roll_channels))),
        "tokens": np.where(np.arange(7) < 5, draw.integers(1, 20, (2, 7)), 0).astype(np.int32),
        "token_times": np.tile(np.linspace(0, frames - 1, 7, dtype=np.float32), (2, 1)),
    }
    given = {**values, **changes}
    return Conditions(**{k: None if v is None else jnp.asarray(v) for k, v in given.items()})


def random_params(config: UNetConfig, scale: float = 0.3) -> Any:
    """Draws everything, so that no layer is still the identity it starts as."""
    draw = np.random.default_rng(0)
    return jax.tree.map(
        lambda leaf: np.float32(scale * draw.normal(size=leaf.shape)),
        nn.meta.unbox(boxed_shapes(config)),
    )


@cache
def boxed_shapes(config: UNetConfig) -> Any:
    """Makes the network's variables as shapes, with the names of their axes."""
    frames = jnp.zeros((2, FRAMES, config.mel_bins))
    return jax.eval_shape(UNet(config).init, jax.random.key(2), frames, jnp.ones(2), conditions())


# Compiling is most of what these tests do, and what comes of it runs but a few times.
HASTE = {"xla_backend_optimization_level": 0}


@cache
def compiled(config: UNetConfig) -> Any:
    """Compiles the network's forward pass, once for each number of frames."""
    return jax.jit(UNet(config).apply, compiler_options=HASTE)


def predict(
    config: UNetConfig, params: Any, frames: Array, time: float = 0.5, **changes: Any
) -> Array:
    """Predicts from ``frames``, everything else as in ``conditions``."""
    given = conditions(frames=frames.shape[1], **changes)
    return compiled(config)(params, frames, np.full(2, time, np.float32), given)
