"""The T5's gin files name what exists, and make networks of the sizes they say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gin
import pytest

from mt3synth.models.t5 import T5Config

MODELS = Path(__file__).parents[2] / "gin_configs" / "models"


@pytest.fixture(autouse=True)
def clean_gin() -> Iterator[None]:
    gin.clear_config()
    yield
    gin.clear_config()


def configured(size: str, *bindings: str) -> T5Config:
    gin.parse_config_files_and_bindings([str(MODELS / f"t5_{size}.gin")], list(bindings))
    network = gin.query_parameter("%NETWORK").scoped_configurable_fn
    config = network(mel_bins=128, vocabulary_size=1536, performances=6)
    assert isinstance(config, T5Config)
    return config


@pytest.mark.parametrize(
    ("size", "layers", "width", "joined_kv"),
    [("tiny", (3, 4), 192, 192), ("small", (8, 8), 512, 384), ("base", (12, 12), 768, 768)],
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
