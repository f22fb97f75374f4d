"""A tiny model and, for those that need one, a page that is served."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from cli_cases import PERFORMANCES, random_params, tiny_spec

import mt3synth
from mt3synth import bundle
from mt3synth.demo.rooms import Rooms
from mt3synth.demo.studio import Studio
from mt3synth.diffusion.spec import SamplingSpec
from mt3synth.model import Model


class Served(NamedTuple):
    address: str
    folder: Path


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    # A step is what the page then does unless it is asked for more: samples of performances, too.
    spec = replace(tiny_spec(), sampling=SamplingSpec(steps=1))
    bundle.save(folder, spec, PERFORMANCES, "studio", random_params(spec), "# A random model\n")
    return folder


@pytest.fixture(scope="module")
def model(bundle_folder: Path) -> Model:
    return mt3synth.load(bundle_folder)


@pytest.fixture
def studio(model: Model, tmp_path: Path) -> Studio:
    (tmp_path / "rooms").mkdir()
    return Studio(model, Rooms(tmp_path / "rooms"))


@pytest.fixture(scope="module")
def served(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serves the page of the tiny model."""
    pytest.importorskip("gradio", reason="gradio comes with the extra demo")
    from mt3synth.demo.server import serve

    above = tmp_path_factory.mktemp("served")
    before, tempfile.tempdir = tempfile.tempdir, str(above)
    try:
        with serve(model) as address:
            [folder] = above.glob("mt3synth-demo-*")
            yield Served(address, folder)
        assert not folder.exists()
    finally:
        tempfile.tempdir = before
