"""The U-Net's gin files make networks of the sizes they say; the paper's is counted by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gin
import jax
import jax.numpy as jnp
import pytest

from mt3synth.models.conditions import Conditions
from mt3synth.models.unet import UNet, UNetConfig

MODELS = Path(__file__).parents[2] / "gin_configs" / "models"
MEL, ROLL, PERFORMANCES, VOCABULARY = 128, 3600, 9, 1391

FIRST, SECOND, THIRD, FOURTH = 304, 608, 1216, 2432
PAPER_BLOCKS = (
    # Down: a level begins with the width of the one before.
    *((FIRST, FIRST), (FIRST, FIRST), (FIRST, SECOND), (SECOND, SECOND)),
    *((SECOND, THIRD), (THIRD, THIRD), (THIRD, FOURTH), (FOURTH, FOURTH)),
    *((FOURTH, FOURTH), (FOURTH, FOURTH)),
    # Up: what comes from below beside what was handed on, the last from a downsampling.
    *((FOURTH + FOURTH, FOURTH), (FOURTH + FOURTH, FOURTH), (FOURTH + THIRD, FOURTH)),
    *((FOURTH + THIRD, THIRD), (THIRD + THIRD, THIRD), (THIRD + SECOND, THIRD)),
    *((THIRD + SECOND, SECOND), (SECOND + SECOND, SECOND), (SECOND + FIRST, SECOND)),
    *((SECOND + FIRST, FIRST), (FIRST + FIRST, FIRST), (FIRST + FIRST, FIRST)),
)
"""Channels read and written by each residual block of ``unet_paper``."""


@pytest.fixture(autouse=True)
def clean_gin() -> Iterator[None]:
    gin.clear_config()
    yield
    gin.clear_config()


def configured(size: str) -> UNetConfig:
    gin.parse_config_file(str(MODELS / f"unet_{size}.gin"))
    network = gin.query_parameter("%NETWORK").scoped_configurable_fn
    return network(
        mel_bins=MEL, roll_channels=ROLL, performances=PERFORMANCES, vocabulary_size=VOCABULARY
    )


def inputs(frames: int = 256) -> tuple[Any, ...]:
    one = jnp.ones(1, bool)
    return (
        jnp.zeros((1, frames, MEL)),
        jnp.zeros(1),
        Conditions(
            performance=jnp.zeros(1, jnp.int32),
            keep_score=one,
            keep_performance=one,
            roll=jnp.zeros((1, frames, ROLL)),
            tokens=jnp.ones((1, 4), jnp.int32),
            token_times=jnp.zeros((1, 4)),
        ),
    )


def parameters(config: UNetConfig) -> int:
    shapes = jax.eval_shape(UNet(config).init, jax.random.key(0), *inputs())
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes))


@pytest.mark.parametrize(
    ("size", "millions", "stride"),
    [
        ("tiny", 0.4, 4),
        ("small", 9.4, 4),
        ("hybrid_tiny", 0.5, 4),
        ("hybrid_small", 11.5, 4),
    ],
)
def test_sizes(size: str, millions: float, stride: int) -> None:
    config = configured(size)
    assert round(parameters(config) / 1e6, 1) == millions
    assert config.stride == stride
    assert ("tokens" in config.inputs) == size.startswith("hybrid")


def test_parameters_of_the_papers_unet() -> None:
    condition = 4 * FIRST

    def convolution(taps: int, read: int, written: int) -> int:
        return taps * read * written + written

    blocks = 0
    for read, written in PAPER_BLOCKS:
        blocks += convolution(3, read, written) + convolution(3, written, written)
        blocks += 2 * read + 2 * written  # group norms
        blocks += 2 * condition * 2 * written  # FiLM of performance and time
        blocks += convolution(1, read, written) if read != written else 0
    attention = sum(
        times * (4 * width**2 + 2 * width) for width, times in ((THIRD, 5), (FOURTH, 6))
    )
    resampling = sum(
        convolution(3, width, width)
        for width in (FIRST, SECOND, THIRD, SECOND, THIRD, FOURTH)  # down, then up
    )
    conditions = (PERFORMANCES + 1) * FIRST + 2 * (FIRST * condition + condition**2)
    ends = ROLL * FIRST + convolution(7, FIRST, FIRST) + FIRST  # the roll, and none
    ends += convolution(7, MEL + FIRST, FIRST)
    ends += 2 * FIRST + convolution(3, FIRST, MEL)
    expected = blocks + attention + resampling + conditions + ends
    assert parameters(configured("paper")) == expected == 750_867_056


def test_shapes_in_the_papers_unet() -> None:
    network = UNet(configured("paper"))

    def outputs() -> Any:
        variables = network.init(jax.random.key(0), *inputs())
        return network.apply(
            variables, *inputs(), capture_intermediates=True, mutable=["intermediates"]
        )

    result, state = jax.eval_shape(outputs)
    found = {
        name: value["__call__"][0].shape
        for name, value in state["intermediates"].items()
        if "__call__" in value
    }
    assert result.shape == (1, 256, MEL)
    levels = ((256, FIRST), (128, SECOND), (64, THIRD), (32, FOURTH))
    for level, shape in enumerate(levels):
        places = [f"down_{level}_{j}" for j in (0, 1)] + [f"up_{level}_{j}" for j in (0, 1, 2)]
        for place in places:
            assert found[place] == (1, *shape), place
            assert (f"{place}_attention" in found) == (level >= 2), place
    for place in ("middle_0", "middle_attention", "middle_1"):
        assert found[place] == (1, 32, FOURTH), place
    assert not any("down_0_2" in place or "up_0_3" in place for place in found)
