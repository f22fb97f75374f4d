"""Folders of shards that several tests of reading draw from."""

from pathlib import Path

import pytest
from batch_cases import small_spec, write_folder

from data_pipelines.shards.formats import FORMATS
from mt3synth.model_spec import ModelSpec


@pytest.fixture(params=FORMATS)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_folder(tmp_path / "data", request.param)


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "arrays", "numpy")


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "records", "tfrecord")


@pytest.fixture
def spec() -> ModelSpec:
    return small_spec()
