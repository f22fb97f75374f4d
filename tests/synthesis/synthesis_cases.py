"""Small networks of random weights, and a tune."""

from __future__ import annotations

import jax
import numpy as np

from mt3synth.audio.mel import MELGAN
from mt3synth.bundle import abstract_params
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.model_spec import ModelSpec
from mt3synth.models.t5_config import T5Config
from mt3synth.models.unet import UNetConfig
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.roll import RollSpec
from mt3synth.synthesis import SamplingConfig, Synthesizer

CODEC = EventCodec(127)
UNET = UNetConfig(
    mel_bins=128,
    roll_channels=RollSpec().channels,
    performances=2,
    widths=(16, 16),
    blocks=1,
    attention_levels=(1,),
    roll_width=8,
    condition_width=4,
)
T5 = T5Config(
    encoder_layers=1,
    decoder_layers=1,
    width=16,
    heads=2,
    head_width=8,
    mlp_width=16,
    mel_bins=128,
    vocabulary_size=CODEC.num_embeddings,
    performances=2,
    token_positions="event_time",
)
CONFIG = SamplingConfig(steps=4, overlap=8, chunk=2, tail=0.5)


def spec_of(network) -> ModelSpec:
    return ModelSpec(network, MELGAN, RollSpec(), CODEC, DiffusionSpec(), segment_frames=32)


def synthesizer(network) -> Synthesizer:
    return synthesizer_of(spec_of(network))


def synthesizer_of(spec: ModelSpec) -> Synthesizer:
    """Makes a synthesizer of random weights, so that every input counts."""
    draw = np.random.default_rng(0)
    shapes = abstract_params(spec)
    params = jax.tree.map(lambda x: np.float32(0.3 * draw.standard_normal(x.shape)), shapes)
    return Synthesizer(spec, params)


def tune() -> Notes:
    """Violin notes, two of them at a time."""
    start = np.arange(0, 2.4, 0.15)
    count = len(start)
    return Notes(
        start,
        start + 0.3,
        60 + np.arange(count) % 12,
        np.full(count, 80),
        np.full(count, 40),
        np.zeros(count, bool),
    )
