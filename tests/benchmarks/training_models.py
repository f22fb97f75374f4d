"""The networks of ``gin_configs/models`` and batches for them."""

from __future__ import annotations

import dataclasses
from typing import Any

import gin
import numpy as np

from mt3synth.audio.mel import MELGAN
from mt3synth.configuration import parse
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.model_spec import ModelSpec, make_spec
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.roll import RollSpec

PERFORMANCES = 9
NOTES = 128
"""Of a segment with what still rings from before it; hardly any of the rendered corpus has more."""


def named_spec(name: str, dtype: str = "float32") -> ModelSpec:
    """Makes the model that trains with ``gin_configs/models/NAME.gin`` on nine performances.

    Args:
      name: such as ``"t5_small"``.
      dtype: of the activations.
    """
    parse.parse([f"gin_configs/models/{name}.gin"], [])
    spec = make_spec(
        gin.query_parameter("%NETWORK").scoped_configurable_fn,
        mel=MELGAN,
        roll=RollSpec(),
        codec=EventCodec(127),
        performances=PERFORMANCES,
        diffusion=DiffusionSpec("eps", "l1"),
        segment_frames=256,
    )
    return with_network(spec, dtype=dtype)


def with_network(spec: ModelSpec, **fields: Any) -> ModelSpec:
    """Changes fields of the configuration of a spec's network."""
    return dataclasses.replace(spec, network=dataclasses.replace(spec.network, **fields))


def noise_batch(spec: ModelSpec, size: int, tokens: int) -> dict[str, Any]:
    """Makes noise in the shapes of real segments, with the features that the model reads."""
    draw = np.random.default_rng(0)
    batch: dict[str, Any] = {
        "mel": np.float32(draw.uniform(-1, 1, (size, spec.segment_frames, spec.mel.bins))),
        "performance": np.int32(draw.integers(0, PERFORMANCES, size)),
    }
    if "roll" in spec.features:
        shape = (size, spec.segment_frames, spec.roll.channels)
        batch["roll"] = np.float32(draw.uniform(0, 1, shape) > 0.99)
    if "tokens" in spec.features:
        batch["tokens"] = np.int32(draw.integers(3, 1000, (size, tokens)))
        batch["token_times"] = np.float32(
            np.sort(draw.uniform(0, spec.segment_frames, (size, tokens)))
        )
    if "notes" in spec.features:
        onset = draw.uniform(-spec.segment_frames / 2, spec.segment_frames, (size, NOTES))
        columns = (
            onset,
            onset + draw.exponential(20, (size, NOTES)),
            draw.integers(36, 96, (size, NOTES)),
            draw.uniform(0.1, 1, (size, NOTES)),
            draw.integers(0, len(spec.roll.groups), (size, NOTES)),
        )
        batch["notes"] = np.stack(columns, axis=-1).astype(np.float32)
    return batch
