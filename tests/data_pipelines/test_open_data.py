"""A folder is opened by what it holds."""

from functools import partial
from pathlib import Path

import pytest
from song_cases import noise_song

from data_pipelines.open_data import open_data
from data_pipelines.performances import PerformanceEntry, write_performances
from data_pipelines.shards.formats import FORMATS
from data_pipelines.shards.names import shard_path
from mt3synth.audio.mel import MELGAN
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec, make_spec
from mt3synth.models.unet import UNetConfig
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.roll import RollSpec


def data_set(folder: Path, name: str, splits: tuple[str, ...] = ("train",)) -> str:
    folder.mkdir()
    kind = FORMATS[name]
    for i, split in enumerate(splits):
        kind.write(shard_path(folder, split, 0, 1, kind.suffix), [noise_song(split, 6.0, seed=i)])
    write_performances(folder, [PerformanceEntry("x", "x")])
    return str(folder)


def spec() -> ModelSpec:
    shape = partial(
        UNetConfig, widths=(16,), attention_levels=(), blocks=1, roll_width=8, condition_width=4
    )
    return make_spec(
        shape,
        mel=MELGAN,
        roll=RollSpec(),
        codec=EventCodec(127),
        performances=1,
        diffusion=DiffusionSpec(),
        segment_frames=64,
    )


@pytest.mark.parametrize("name", FORMATS)
def test_with_and_without_something_held_out(name: str, tmp_path: Path) -> None:
    alone = open_data(data_set(tmp_path / "a", name))
    assert list(alone.validation(spec(), 4)) == []
    both = open_data(data_set(tmp_path / "b", name, ("train", "validation")))
    sizes = [len(batch["mel"]) for batch in both.validation(spec(), 4)]
    assert sizes == [4, 1]  # 6 s are 300 frames, five segments of 64
    for data in (alone, both):
        batches = data.training(spec(), 2, 0, 0)
        assert next(batches)["mel"].shape == (2, 64, 128)
        batches.close()


def test_a_folder_is_looked_into(tmp_path: Path) -> None:
    arrays = data_set(tmp_path / "a", "numpy")
    records = data_set(tmp_path / "b", "tfrecord")
    assert [p["name"] for p in open_data([arrays, records]).performances] == ["x"]
    with pytest.raises(UserError, match="no such folder"):
        open_data(str(tmp_path / "c"))
    (tmp_path / "c").mkdir()
    with pytest.raises(UserError, match="holds no data set"):
        open_data(str(tmp_path / "c"))
