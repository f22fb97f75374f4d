"""A folder of five songs in either format, and what tests draw from it."""

from functools import partial
from pathlib import Path

import numpy as np
from song_cases import noise_song

from data_pipelines.performances import PerformanceEntry, write_performances
from data_pipelines.reading.training_batches import SegmentData
from data_pipelines.shards.formats import FORMATS
from data_pipelines.shards.names import shard_path
from data_pipelines.songs import Song
from mt3synth.audio.mel import MELGAN
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.model_spec import ModelSpec, make_spec
from mt3synth.models.unet import UNetConfig
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.groups import InstrumentGroup
from mt3synth.symbolic.roll import RollSpec

FRAMES = 64
LENGTHS_S = (4.1, 1.0, 7.77, 2.56, 5.0)
ROLL = RollSpec((InstrumentGroup("all", 0, tuple(range(128))),))
PERFORMANCES = [PerformanceEntry("hall", "A hall."), PerformanceEntry("booth", "A booth.")]


def songs(seed: int = 0) -> list[Song]:
    """Makes five songs, one shorter than a segment and one of exactly two."""
    return [
        noise_song(f"song {i}", seconds, performance=i % 2, seed=10 * seed + i)
        for i, seconds in enumerate(LENGTHS_S)
    ]


def write_folder(
    folder: Path, format: str = "numpy", performances=PERFORMANCES, seed: int = 0
) -> Path:
    kind, made = FORMATS[format], songs(seed)
    folder.mkdir()
    splits = {"train": [made[:3], made[3:]], "validation": [made[2:4]], "test": [made[:1]]}
    for split, parts in splits.items():
        for i, part in enumerate(parts):
            kind.write(shard_path(folder, split, i, len(parts), kind.suffix), part)
    write_performances(folder, performances)
    return folder


def small_spec() -> ModelSpec:
    """Makes the model for which batches are drawn."""
    network = partial(UNetConfig, widths=(32,), blocks=1, attention_levels=(), roll_width=8)
    return make_spec(
        network,
        mel=MELGAN,
        roll=ROLL,
        codec=EventCodec(127),
        performances=2,
        diffusion=DiffusionSpec(),
        segment_frames=FRAMES,
    )


def draw(data: SegmentData, spec: ModelSpec, count: int, batch: int = 4, start: int = 0, **share):
    with data.training(spec, batch, 7, start, **share) as batches:
        return [next(batches) for _ in range(count)]


def assert_same(one, other) -> None:
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def assert_same_songs(one, other) -> None:
    """Checks that songs are equal, but for frames, which shards of NumPy hold as float16."""
    assert one.keys() == other.keys()
    for name in one:
        exact = name not in ("mel", "context")
        np.testing.assert_allclose(one[name], other[name], rtol=0, atol=0 if exact else 2.0**-11)
