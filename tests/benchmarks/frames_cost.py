"""Counts what the default network costs with other frames, without running it."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial

import gin
import jax
import numpy as np

from mt3synth.audio.mel import MelSpec
from mt3synth.configuration import parse
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.model_spec import make_spec
from mt3synth.models.conditions import example_inputs
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.roll import RollSpec
from mt3synth.training.monitoring.flops import count_flops

_SECONDS = 5.12
_NOTES = 64
_PERFORMANCES = 9


@lru_cache(maxsize=64)
def evaluation_flops(frames: MelSpec, bins: int) -> float:
    """Counts the FLOP of one evaluation of the default network for a second of music.

    Args:
      frames: their rate counts.
      bins: of a frame; a transform has other ones than the mel bins of its spec.
    """
    parse.parse(["gin_configs/models/unet_notes.gin"], [])
    mel = replace(frames, bins=bins)
    roll = RollSpec(frame_rate=mel.frame_rate)
    spec = make_spec(
        gin.query_parameter("%NETWORK").scoped_configurable_fn,
        mel=mel,
        roll=roll,
        codec=EventCodec(127),
        performances=_PERFORMANCES,
        diffusion=DiffusionSpec("v", "l2"),
        segment_frames=8 * round(_SECONDS * mel.frame_rate / 8),
    )
    network = spec.build()
    frames_shape = (1, spec.segment_frames, bins)
    batch = {
        "mel": np.zeros(frames_shape, np.float32),
        "performance": np.zeros(1, np.int32),
        "notes": np.zeros((1, _NOTES, 5), np.float32),
    }
    inputs = example_inputs(batch)
    params = jax.eval_shape(network.init, jax.random.key(0), *inputs)
    encode = partial(network.apply, method="encode")
    context = jax.eval_shape(encode, params, inputs[2])
    decode = partial(network.apply, method="decode")
    flops = count_flops(decode, params, *inputs[:2], context)
    return flops / (spec.segment_frames / mel.frame_rate)
