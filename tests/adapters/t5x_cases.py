"""Tiny models for t5x, a corpus's batches, and what both trainers need."""

from functools import partial
from typing import Any

import numpy as np

from mt3synth.audio.mel import MELGAN
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.model_spec import ModelSpec, make_spec
from mt3synth.models.t5 import T5Config
from mt3synth.models.unet import UNetConfig
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.roll import RollSpec

NETWORKS = {
    "unet": partial(
        UNetConfig,
        widths=(16, 16),
        blocks=1,
        attention_levels=(1,),
        roll_width=8,
        condition_width=4,
    ),
    "t5": partial(
        T5Config,
        encoder_layers=1,
        decoder_layers=1,
        width=16,
        heads=2,
        head_width=8,
        mlp_width=16,
        dropout=0.0,
    ),
}
TOKENS = 24


def tiny_spec(kind: str) -> ModelSpec:
    """Makes a model of 32 frames that knows two performances."""
    return make_spec(
        NETWORKS[kind],
        mel=MELGAN,
        roll=RollSpec(),
        codec=EventCodec(127),
        performances=2,
        diffusion=DiffusionSpec(),
        segment_frames=32,
    )


def batch_of(spec: ModelSpec, size: int, seed: int) -> dict[str, Any]:
    """Noise in the shapes of real segments, with the features that the model reads."""
    draw = np.random.default_rng(seed)
    batch: dict[str, Any] = {
        "mel": np.float32(draw.uniform(-1, 1, (size, spec.segment_frames, spec.mel.bins))),
        "performance": np.int32(draw.integers(0, 2, size)),
    }
    if "roll" in spec.features:
        shape = (size, spec.segment_frames, spec.roll.channels)
        batch["roll"] = np.float32(draw.uniform(0, 1, shape) > 0.99)
    else:
        batch["tokens"] = np.int32(draw.integers(3, 1000, (size, TOKENS)))
        batch["token_times"] = np.float32(
            np.sort(draw.uniform(0, spec.segment_frames, (size, TOKENS)))
        )
    return batch
