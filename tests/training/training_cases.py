"""A tiny U-Net with everything that a model needs, and a batch for it."""

from functools import partial
from typing import Any

import numpy as np

from mt3synth.audio.mel import MELGAN
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.model_spec import ModelSpec, make_spec
from mt3synth.models.unet import UNetConfig
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.roll import RollSpec

SHAPE: dict[str, Any] = dict(
    widths=(16, 16), blocks=1, attention_levels=(), roll_width=8, condition_width=4
)


def tiny_spec(performances: int = 2, segment_frames: int = 32, **shape: Any) -> ModelSpec:
    """Makes a model of 32 frames."""
    return make_spec(
        partial(UNetConfig, **{**SHAPE, **shape}),
        mel=MELGAN,
        roll=RollSpec(),
        codec=EventCodec(127),
        performances=performances,
        diffusion=DiffusionSpec(),
        segment_frames=segment_frames,
    )


def batch_of(spec: ModelSpec, size: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Noise in the shapes of real segments."""
    draw = np.random.default_rng(seed)
    return {
        "mel": np.float32(draw.uniform(-1, 1, (size, spec.segment_frames, spec.mel.bins))),
        "roll": np.float32(
            draw.uniform(0, 1, (size, spec.segment_frames, spec.roll.channels)) > 0.99
        ),
        "performance": np.int32(draw.integers(0, spec.network.performances, size)),
    }
