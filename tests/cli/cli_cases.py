"""A tiny model and small scores."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import jax
import numpy as np

from mt3synth import bundle
from mt3synth.audio.mel import MELGAN, MelSpec
from mt3synth.diffusion.guidance import Guidance
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.model_spec import ModelSpec, make_spec
from mt3synth.models.unet import UNetConfig
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.midi import write_midi
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.roll import RollSpec

PERFORMANCES = tuple(
    bundle.Performance(index, name, f"Sounds like {name}.")
    for index, name in enumerate(("studio", "hall", "old-radio"))
)


FULL_BAND = MelSpec(
    sample_rate=44100, hop=882, window=1764, fft=2048, bins=24, high_hz=16000.0, scale_high=5.0
)
"""Frames of the whole band, made tiny."""


def tiny_spec(mel: MelSpec = MELGAN) -> ModelSpec:
    """Makes the network of gin_configs/models/unet_tiny.gin."""
    network = partial(
        UNetConfig,
        widths=(32, 48, 64),
        blocks=1,
        attention_levels=(2,),
        roll_width=32,
        condition_width=8,
    )
    spec = make_spec(
        network,
        mel=mel,
        roll=RollSpec(),
        codec=EventCodec(127),
        performances=len(PERFORMANCES),
        diffusion=DiffusionSpec(),
        segment_frames=256,
    )
    return replace(spec, guidance=Guidance(notes=1.75))


def random_params(spec: ModelSpec) -> dict:
    rng = np.random.default_rng(0)
    return jax.tree.map(
        lambda leaf: rng.normal(0, 0.05, leaf.shape).astype(np.float32),
        bundle.abstract_params(spec),
    )


def write_song(path: str | Path, *keys: int, program: int = 0, seconds: float = 0.5) -> Path:
    """Piano notes one after the other, half a second each."""
    start = np.arange(len(keys)) * seconds
    same = np.ones(len(keys), int)
    notes = Notes(start, start + seconds, np.array(keys), 80 * same, program * same, same == 0)
    write_midi(notes, path)
    return Path(path)


def save_model(folder: Path, mel: MelSpec = MELGAN) -> Path:
    """Writes a bundle of random weights."""
    spec = tiny_spec(mel)
    bundle.save(folder, spec, PERFORMANCES, "studio", random_params(spec), "# A random model\n")
    return folder
