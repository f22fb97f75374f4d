"""TensorFlow Datasets reads a prepared folder as one of its own."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from recording_cases import write_manifest, write_pair

from data_pipelines.prepare.build import build
from data_pipelines.prepare.manifest import read_manifest
from data_pipelines.prepare.plan import PrepareSettings
from data_pipelines.prepare.runners import run_locally
from data_pipelines.seqio_pipeline.tfds_metadata import write_tfds_metadata
from data_pipelines.shards.formats import read_split
from mt3synth.errors import UserError

tfds = pytest.importorskip("tensorflow_datasets")


def prepared(tmp_path: Path, settings: PrepareSettings) -> Path:
    for i, name in enumerate("abc"):
        write_pair(tmp_path, name, seed=i)
    manifest = write_manifest(tmp_path / "pairs.csv", [f"{n}.wav,{n}.mid,trio" for n in "abc"])
    run = partial(run_locally, workers=1)
    build(read_manifest(manifest), tmp_path / "out", settings, source={}, run=run)
    return tmp_path / "out"


def test_both_readers_agree(tmp_path: Path) -> None:
    folder = prepared(tmp_path, PrepareSettings(shard_minutes=0.05))
    write_tfds_metadata(folder)
    builder = tfds.builder_from_directory(str(folder))
    assert builder.info.splits["train"].num_examples == 2
    read = list(tfds.as_numpy(builder.as_dataset(split="train")))
    ours = {song.id: song for song in read_split(folder, "train")}
    assert sorted(example["id"].decode() for example in read) == sorted(ours)
    for example in read:
        song = ours[example["id"].decode()]
        np.testing.assert_array_equal(np.frombuffer(example["audio"], "<i2"), song.audio)
        assert example["performance"] == song.performance


def test_folders_that_tfds_cannot_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        write_tfds_metadata(tmp_path / "none")
    folder = prepared(tmp_path, PrepareSettings(format="numpy"))
    with pytest.raises(UserError, match="format numpy; TFDS reads tfrecord"):
        write_tfds_metadata(folder)
