"""The T5's gin files name what exists, and make networks of the sizes they say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import gin
import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn
from flax.traverse_util import flatten_dict

from mt3synth.models.conditions import Conditions
from mt3synth.models.t5 import T5, T5Config

CHANNELS = 11
MODELS = Path(__file__).parents[2] / "gin_configs" / "models"


@pytest.fixture(autouse=True)
def clean_gin() -> Iterator[None]:
    gin.clear_config()
    yield
    gin.clear_config()


def configured(size: str, *bindings: str, performances: int = 6) -> T5Config:
    gin.add_config_file_search_path(str(MODELS.parents[1]))
    gin.parse_config_files_and_bindings([str(MODELS / f"t5_{size}.gin")], list(bindings))
    network = gin.query_parameter("%NETWORK").scoped_configurable_fn
    config = network(mel_bins=128, vocabulary_size=1536, performances=performances)
    assert isinstance(config, T5Config)
    return config


def shapes_of(config: T5Config) -> dict[str, tuple[int, ...]]:
    """Shapes every parameter, for a roll of ``CHANNELS``."""
    kept = jnp.ones(1, bool)
    frames = jnp.zeros((1, 8, config.mel_bins))
    given = Conditions(
        performance=jnp.zeros(1, jnp.int32),
        keep_score=kept,
        keep_performance=kept,
        tokens=jnp.zeros((1, 8), jnp.int32),
        token_times=jnp.zeros((1, 8)),
        roll=jnp.zeros((1, 8, CHANNELS)),
        context=frames,
        context_mask=jnp.ones((1, 8), bool),
    )
    shapes = jax.eval_shape(T5(config).init, jax.random.key(0), frames, jnp.zeros(1), given)
    return {
        name: leaf.shape for name, leaf in flatten_dict(nn.unbox(shapes)["params"], sep="/").items()
    }


@pytest.mark.parametrize(
    ("size", "layers", "width", "joined_kv"),
    [
        ("tiny", (3, 4), 192, 192),
        ("small", (8, 8), 512, 384),
        ("base", (12, 12), 768, 768),
        ("paper", (6, 6), 512, 512),
        ("roll_tiny", (3, 4), 192, 192),
        ("event_time_tiny", (3, 4), 192, 192),
        ("hybrid_tiny", (3, 4), 192, 192),
        ("hybrid_small", (8, 8), 512, 384),
        ("context_small", (8, 8), 512, 384),
        ("context_base", (12, 12), 768, 768),
    ],
)
def test_sizes(size: str, layers: tuple[int, int], width: int, joined_kv: int) -> None:
    config = configured(size)
    assert (config.encoder_layers, config.decoder_layers) == layers
    assert config.width == width
    assert config.heads * config.head_width == joined_kv
    assert config.performances == 6


def test_options_can_be_bound() -> None:
    binding = "T5Config.score_encoder = 'roll'"
    assert configured("tiny", binding).score_encoder == "roll"


@pytest.mark.parametrize(
    ("size", "inputs"),
    [
        ("tiny", ("tokens",)),
        ("paper", ("roll",)),
        ("roll_tiny", ("roll",)),
        ("event_time_tiny", ("tokens",)),
        ("hybrid_tiny", ("tokens", "roll")),
        ("context_small", ("tokens", "context")),
    ],
)
def test_inputs(size: str, inputs: tuple[str, ...]) -> None:
    assert configured(size).inputs == inputs


def test_paper_has_the_parameters_of_its_description() -> None:
    """Counted by what the papers say a network of this size is made of."""
    width, heads, head_width, hidden, mels, performances, frames = 512, 8, 64, 2048, 128, 6, 7
    shapes = shapes_of(configured("paper"))
    attention = 4 * width * heads * head_width
    feed_forward = 3 * width * hidden
    condition = 4 * width  # of performance or time
    mlp = width * condition + condition * condition
    film = 2 * width  # gamma and beta, for each channel of a condition
    encoder_layer = attention + feed_forward + 2 * width + 2 * film * condition
    decoder_layer = 2 * attention + feed_forward + 3 * width + 2 * film * 2 * condition
    expected = (
        frames * CHANNELS * width  # the roll
        + frames * mels * width  # noisy frames
        + 6 * encoder_layer
        + 6 * decoder_layer
        + 2 * width  # the norm after either stack
        + width * mels  # the prediction
        + (performances + 1) * width  # one of them the null
        + 2 * mlp
        + width  # the null score
    )
    assert sum(math.prod(shape) for shape in shapes.values()) == expected
    assert shapes["encoder/roll_projection/kernel"] == (frames, CHANNELS, width)
    assert shapes["decoder/continuous_inputs_projection/kernel"] == (frames, mels, width)


@pytest.mark.parametrize(("size", "width"), [("small", 512), ("base", 768)])
def test_context_is_as_released(size: str, width: int) -> None:
    """Beside the network without: a second encoder, and three tables of positions."""
    one_layer = "T5Config.encoder_layers = 1", "T5Config.decoder_layers = 1"
    plain = shapes_of(configured(size, *one_layer, performances=0))
    gin.clear_config()
    shapes = shapes_of(configured(f"context_{size}", *one_layer, performances=0))
    added = {name: shape for name, shape in shapes.items() if name not in plain}
    assert plain.keys() - shapes.keys() == {"null_score"}
    assert all(shapes[name] == shape for name, shape in plain.items() if name in shapes)
    tables = {name: shape for name, shape in added.items() if name.endswith("positions/table")}
    assert tables == {
        "encoder/positions/table": (2048, width),
        "context_encoder/positions/table": (256, width),
        "decoder/positions/table": (256, width),
    }
    second = {
        name.removeprefix("context_"): shape
        for name, shape in added.items()
        if name.startswith("context_encoder/stack/")
    }
    first = {name: shape for name, shape in plain.items() if name.startswith("encoder/stack/")}
    assert second == first
    rest = added.keys() - tables.keys() - {f"context_{name}" for name in second}
    assert rest == {"context_encoder/context_projection/kernel"}
