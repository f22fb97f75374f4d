"""The command line run in this process, on a tiny model and in an empty folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from cli_cases import save_model

from mt3synth import cli

FAST = ("--steps", "2", "--gin.griffin_lim.GriffinLim.iterations=1")


@dataclass(frozen=True)
class Outcome:
    status: int
    out: list[str]
    err: list[str]


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Goes to an empty folder; nothing is read from or left in the user's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """``mt3synth`` with these arguments."""

    def call(*argv: object) -> Outcome:
        status = cli.main([str(a) for a in argv])
        captured = capsys.readouterr()
        return Outcome(status, captured.out.splitlines(), captured.err.splitlines())

    return call


@pytest.fixture
def synthesize(run: Callable[..., Outcome], bundle_folder: Path) -> Callable[..., Outcome]:
    """``mt3synth synthesize`` with the tiny model and few steps; later options win."""
    return partial(run, "synthesize", "--bundle", bundle_folder, *FAST)
