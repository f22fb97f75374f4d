"""Frames that only fill the U-Net's levels up to the stride leave no trace in the others."""

from __future__ import annotations

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from unet_cases import CONFIG, FORMS, predict, random_params

from mt3synth.models.unet import UNetConfig
from mt3synth.models.unet_blocks import ResidualBlock, SelfAttention
from mt3synth.types import Array

DEEP = {"widths": (16, 24, 24), "attention_levels": (1, 2)}


class Roomier(UNetConfig):
    """The same network, which fills frames up to four times as many."""

    @property
    def stride(self) -> int:
        return 4 * super().stride


def roomier(config: UNetConfig) -> Roomier:
    return Roomier(**{f.name: getattr(config, f.name) for f in dataclasses.fields(config)})


def noise(*shape: int) -> Array:
    return jnp.asarray(np.random.default_rng(3).normal(size=shape), jnp.float32)


@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("light", 17),
        pytest.param("ddpm", 18, marks=pytest.mark.slow),
        pytest.param("hybrid", 20, marks=pytest.mark.slow),
    ],
)
def test_the_result_does_not_depend_on_how_far_frames_are_filled_up(name: str, length: int) -> None:
    config = dataclasses.replace(FORMS[name], **DEEP)
    params, x = random_params(config), noise(2, length, CONFIG.mel_bins)
    found = predict(config, params, x)
    assert found.shape == x.shape and np.abs(found).max() > 0.1
    np.testing.assert_allclose(predict(roomier(config), params, x), found, atol=2e-5)


@pytest.mark.parametrize("block", ["residual", "attention"])
def test_a_block_on_marked_frames_is_the_block_on_those_frames_alone(block: str) -> None:
    x = noise(2, 12, 16)
    mask = jnp.arange(12) < 9
    filled = jnp.where(mask[:, None], x, 1e3)
    if block == "residual":
        module: Any = ResidualBlock(CONFIG, 24)
        extra: tuple[Any, ...] = (noise(2, 8),)
        after: tuple[Any, ...] = (True,)
    else:
        module, extra, after = SelfAttention(CONFIG), (), ()
    shapes = jax.eval_shape(lambda: module.init(jax.random.key(2), x, *extra, None, *after))
    params = jax.tree.map(lambda leaf: 0.3 * noise(*leaf.shape), nn.meta.unbox(shapes))
    apply = jax.jit(lambda x, mask: module.apply(params, x, *extra, mask, *after))
    alone, within = apply(x[:, :9], None), apply(filled, mask)
    np.testing.assert_allclose(within[:, :9], alone, atol=1e-5)


def test_the_fewest_frames_make_one_of_the_coarsest() -> None:
    x = noise(2, CONFIG.stride, CONFIG.mel_bins)
    assert predict(CONFIG, random_params(CONFIG), x).shape == x.shape


def test_fewer_frames_than_make_one_of_the_coarsest_are_refused() -> None:
    config = dataclasses.replace(CONFIG, **DEEP)
    x = jnp.zeros((2, 3, CONFIG.mel_bins))
    with pytest.raises(ValueError, match="frames=3; the U-Net's 3 levels need at least 4"):
        predict(config, random_params(config), x)
