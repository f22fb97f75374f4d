"""Every form of both backbones, as small as it can be, and batches for them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import numpy as np

from mt3synth.audio.mel import MELGAN
from mt3synth.bundle import Performance, abstract_params
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.model_spec import ModelSpec, make_spec
from mt3synth.models.note_encoder import NotePriorConfig
from mt3synth.models.t5 import T5Config
from mt3synth.models.unet import UNetConfig
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.groups import InstrumentGroup
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.roll import RollSpec

_T5: dict[str, Any] = dict(
    encoder_layers=1, decoder_layers=1, width=16, heads=2, head_width=8, mlp_width=16
)
_UNET: dict[str, Any] = dict(
    widths=(16, 16), blocks=1, attention_levels=(1,), roll_width=8, condition_width=4
)
_FLAT: dict[str, Any] = {**_UNET, "widths": (16,), "attention_levels": ()}
_TOKENS: dict[str, Any] = dict(
    token_layers=1, token_width=16, token_heads=2, token_head_width=8, token_mlp_width=16
)
_PRIOR = NotePriorConfig(width=8, key_width=4, features=4)
FORMS = {
    "t5": partial(T5Config, **_T5),
    "t5_roll": partial(T5Config, **_T5, score_encoder="roll", mel_kernel=7),
    "t5_hybrid": partial(T5Config, **_T5, frame_roll=True, token_positions="event_time"),
    "t5_context": partial(T5Config, **_T5, context_frames=20),
    "t5_summed_context": partial(T5Config, **_T5, context_frames=20, context_attention="sum"),
    "unet": partial(UNetConfig, **_UNET),
    "unet_hybrid": partial(UNetConfig, **_UNET, **_TOKENS, middle=True),
    "unet_notes": partial(UNetConfig, **_UNET, prior=_PRIOR),
    "unet_depthwise": partial(UNetConfig, **_FLAT, block="depthwise", kernel=7),
    "t5_notes": partial(T5Config, **_T5, prior=_PRIOR),
}
READS = {
    "t5": ("tokens",),
    "t5_roll": ("roll",),
    "t5_hybrid": ("tokens", "roll"),
    "t5_context": ("tokens", "context"),
    "t5_summed_context": ("tokens", "context"),
    "unet": ("roll",),
    "unet_hybrid": ("tokens", "roll"),
    "unet_notes": ("notes",),
    "unet_depthwise": ("roll",),
    "t5_notes": ("tokens", "notes"),
}
PERFORMANCES = (Performance(0, "near", "A small room."), Performance(1, "far", "A church."))
ROLL = RollSpec((InstrumentGroup("all", 0, tuple(range(128))),))
WINDOW, TOKENS, ROWS = 32, 24, 32

_COLUMNS = ([0.0, 0.2, 0.7], [0.3, 0.6, 1.0], [60, 64, 67], [90, 70, 80], [0, 40, 0], [False] * 3)
SONG = Notes(*map(np.array, _COLUMNS))
"""One second, which two segments cover."""


def spec_of(form: str) -> ModelSpec:
    return make_spec(
        FORMS[form],
        mel=MELGAN,
        roll=ROLL,
        codec=EventCodec(1),
        performances=len(PERFORMANCES),
        diffusion=DiffusionSpec(),
        segment_frames=WINDOW,
    )


def random_params(spec: ModelSpec, seed: int = 0) -> Any:
    """Draws parameters by which every input counts: fresh ones are zeros that let none through."""
    draw = np.random.default_rng(seed)
    shapes = abstract_params(spec)
    return jax.tree.map(lambda x: np.float32(0.2 * draw.standard_normal(x.shape)), shapes)


def batch_of(spec: ModelSpec, size: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Noise in the shapes of real segments: all that the network reads, and nothing else."""
    draw = np.random.default_rng(seed)
    frames, bins = spec.segment_frames, spec.mel.bins
    batch = {
        "mel": np.float32(draw.uniform(-1, 1, (size, frames, bins))),
        "performance": np.int32(draw.integers(0, len(PERFORMANCES), size)),
    }
    if "roll" in spec.features:
        shape = (size, frames, spec.roll.channels)
        batch["roll"] = np.float32(draw.uniform(0, 1, shape) > 0.9)
    if "tokens" in spec.features:
        batch["tokens"] = np.int32(draw.integers(3, 1000, (size, TOKENS)))
        batch["token_times"] = np.float32(np.sort(draw.uniform(0, frames, (size, TOKENS))))
    if "notes" in spec.features:
        onset = draw.uniform(-frames, frames, (size, ROWS))
        columns = (
            onset,
            onset + draw.exponential(10, (size, ROWS)),
            draw.integers(0, 128, (size, ROWS)),
            draw.uniform(0.1, 1, (size, ROWS)),
            draw.integers(-1, 2, (size, ROWS)),  # nobody, the one group of `ROLL`, or drums
        )
        batch["notes"] = np.stack(columns, axis=-1).astype(np.float32)
    if "context" in spec.features:
        count = spec.network.context_frames
        batch["context"] = np.float32(draw.uniform(-1, 1, (size, count, bins)))
        # As at a song's beginning: only the last of the frames are there, or none.
        batch["context_mask"] = np.arange(count) >= draw.integers(0, count + 1, size)[:, None]
    return batch


class Noise:
    """Training data that are the same batches every time."""

    def __init__(self) -> None:
        self.performances = [vars(performance) for performance in PERFORMANCES]

    def training(
        self,
        spec: ModelSpec,
        batch: int,
        seed: int,
        start: int,
        *,
        process_index: int = 0,
        process_count: int = 1,
    ) -> Iterator[dict[str, np.ndarray]]:
        for number in itertools.count(start):
            yield batch_of(spec, batch, 1000 * seed + number)

    def validation(self, spec: ModelSpec, batch: int) -> Iterator[dict[str, np.ndarray]]:
        yield batch_of(spec, batch, 999)
