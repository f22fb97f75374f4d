"""Imports of the published sizes, by shapes alone: no array is there to be read."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import gin
import numpy as np
import pytest
from checkpoint_cases import ancestors, golden, write_t5x

from mt3synth import bundle as bundles
from mt3synth import cli
from mt3synth.audio.mel import MELGAN
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.importers.checkpoint import Checkpoint, CheckpointError, Stored
from mt3synth.importers.mapping import model_spec
from mt3synth.importers.open import open_checkpoint
from mt3synth.importers.published import PUBLISHED, described
from mt3synth.model_spec import make_spec
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.roll import RollSpec

GIN_FILES = {
    "small_with_context": "gin_configs/models/t5_context_small.gin",
    "base_with_context": "gin_configs/models/t5_context_base.gin",
}


def nothing() -> np.ndarray:
    raise AssertionError("must not be read")


def shapes_only(width: int, vocabulary: int = 1536, context: bool = True) -> Checkpoint:
    """Makes as much of a t5x checkpoint without config.gin as its description is made of."""
    tokens = "token_encoder" if context else "encoder"
    shapes = {
        f"{tokens}/token_embedder/embedding": (vocabulary, width),
        f"{tokens}/Embed_0/embedding": (2048, width),
        "decoder/Embed_0/embedding": (256, width),
        "decoder/decoder_norm/scale": (width,),
    }
    if context:
        shapes["continuous_encoder/Embed_0/embedding"] = (256, width)
        shapes["continuous_encoder/input_proj/kernel"] = (128, width)
    stored = {name: Stored(shape, nothing) for name, shape in shapes.items()}
    return Checkpoint(Path("theirs"), "t5x", stored, str, False, None)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_models_are_those_of_our_gin_files(name: str) -> None:
    checkpoint = shapes_only(PUBLISHED[name].width)
    found = model_spec(checkpoint, described(checkpoint, "auto"))
    gin.clear_config()
    gin.parse_config_files_and_bindings([GIN_FILES[name]], [])
    network = gin.query_parameter("%NETWORK").configurable.wrapper
    expected = make_spec(
        partial(network),
        mel=MELGAN,
        roll=RollSpec(),
        codec=EventCodec(1),
        performances=0,
        diffusion=DiffusionSpec("eps", "l1"),
        segment_frames=256,
    )
    gin.clear_config()
    assert found.network == expected.network
    assert (found.diffusion, found.codec, found.segment_frames) == (
        expected.diffusion,
        expected.codec,
        expected.segment_frames,
    )


def test_the_vocabulary_tells_the_velocity_bins() -> None:
    checkpoint = shapes_only(512, vocabulary=1664, context=False)
    spec = model_spec(checkpoint, described(checkpoint, "small_with_context"))
    assert spec.codec.velocity_bins == 127
    assert spec.network.inputs == ("tokens",)


def test_a_width_of_no_published_model() -> None:
    with pytest.raises(CheckpointError, match="its network cannot be told"):
        described(shapes_only(640), "auto")


def test_bfloat16_and_half_and_the_last_step(tmp_path: Path) -> None:
    """Keeps bfloat16 as float16, which has the same numbers but for tiny and huge ones."""
    parameters = ancestors(golden("network_basic"))
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    few = {"decoder/decoder_norm/scale": np.zeros(3, np.float32)}
    write_t5x(theirs, few, step=99999)
    write_t5x(theirs, parameters, dtype="bfloat16", step=100000)
    assert cli.main(["import", str(theirs), "--out", str(ours), "--half"]) == 0
    found = bundles.load(ours).params["decoder"]["spec_out_dense"]["kernel"]
    np.testing.assert_allclose(found, parameters["decoder/spec_out_dense/kernel"], atol=2e-3)
    assert found.any()
    assert (ours / "weights.safetensors").stat().st_size < 2.2 * sum(
        value.size for value in parameters.values()
    )
    earlier = open_checkpoint(theirs / "checkpoint_99999")
    assert set(earlier.stored) == set(few)
    assert not earlier.read("decoder/decoder_norm/scale").any()
