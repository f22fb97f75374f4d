"""Reads and writes a trained vocoder as two files, in a folder of their own or in a bundle.

``vocoder.json``        the network's type and shape, and the frames that it inverts
``vocoder.safetensors`` its parameters by their path, as float16
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict

from mt3synth.atomic import write_folder
from mt3synth.audio.mel import MelSpec
from mt3synth.errors import UserError
from mt3synth.foreign_files import check_sizes, read_json
from mt3synth.param_check import count_params, explain_shapes, read_params, write_params
from mt3synth.types import PyTree
from mt3synth.vocoder.vocos import Vocos, VocosConfig

DESCRIPTION, WEIGHTS = FILES = ("vocoder.json", "vocoder.safetensors")
_TYPE = "vocos"


class VocoderFileError(UserError):
    """Files that hold no vocoder, or not one that this version can read."""


@dataclass(frozen=True, eq=False)
class VocoderWeights:
    """Holds a trained vocoder.

        weights = read("bundles/mine")
        weights.size, weights.hash

    Attributes:
      spec: the frames that it inverts.
      config: shape of its network.
      params: weights as float32, nested as the network names them.
    """

    spec: MelSpec
    config: VocosConfig
    params: PyTree

    @cached_property
    def hash(self) -> str:
        """Returns 12 digits of the SHA-256 over all that is stored, in whatever folder."""
        digest = hashlib.sha256(_description(self).encode())
        # Of the numbers and not of the file: a vocoder that is only in memory has its hash, too.
        for name, value in sorted(_to_float16(self.params).items()):
            digest.update(name.encode() + value.tobytes())
        return digest.hexdigest()[:12]

    @property
    def size(self) -> int:
        """Counts the parameters."""
        return count_params(self.params)


def has_vocoder(folder: str | Path) -> bool:
    """Tells whether a folder has any of the files of a vocoder."""
    return any((Path(folder) / name).exists() for name in FILES)


def read(folder: str | Path) -> VocoderWeights:
    """Reads a vocoder from its folder or from a bundle that holds one.

    Raises:
      VocoderFileError: a file is missing, is of another type or version, or the weights are not
        those of the network that it describes.
    """
    folder = Path(folder)
    for name in FILES:
        if not (folder / name).is_file():
            raise VocoderFileError(
                f"{folder} holds no trained vocoder: it has no {name}; make a folder of a run by "
                "`mt3synth export`"
            )
    config, spec = read_description(folder)
    with explain_shapes(folder / DESCRIPTION, VocoderFileError):
        shapes = abstract_params(config, spec)
    params = read_params(folder / WEIGHTS, shapes, VocoderFileError)
    return VocoderWeights(spec, config, params)


def read_description(folder: Path) -> tuple[VocosConfig, MelSpec]:
    """Reads what a folder says about its vocoder, be it a finished one or the folder of a run.

    Raises:
      VocoderFileError: it says nothing, or nothing that this version understands.
    """
    path = folder / DESCRIPTION
    try:
        return from_json(read_json(path))
    except OSError as error:
        raise VocoderFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    # All that a wrong but well-formed JSON file can run into below.
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise VocoderFileError(
            f"{path} is no vocoder that this version understands: {type(error).__name__}: {error}"
        ) from error


def to_json(config: VocosConfig, spec: MelSpec) -> dict[str, Any]:
    """Describes a network and the frames that it inverts as JSON values."""
    return {"type": _TYPE, "config": dataclasses.asdict(config), "mel": spec.to_dict()}


def from_json(values: dict[str, Any]) -> tuple[VocosConfig, MelSpec]:
    """Inverts `to_json`.

    Raises:
      KeyError, TypeError, ValueError: an entry is missing, unknown or out of bounds, or the network
        cannot invert such frames.
    """
    if values["type"] != _TYPE:
        raise ValueError(f"type {values['type']!r}; must be {_TYPE!r}")
    spec, settings = MelSpec.from_dict(values["mel"]), values["config"]
    if not isinstance(settings, dict):
        raise ValueError(f"config is a {type(settings).__name__}; must be an object")
    check_sizes(settings, VocosConfig)
    # Refused: what this version does not know would change how the vocoder sounds.
    strange = sorted(settings.keys() - {field.name for field in dataclasses.fields(VocosConfig)})
    if strange:
        raise ValueError(f"a network of type {_TYPE!r} has no {', '.join(strange)}")
    config = VocosConfig(**settings)
    config.lag(spec)  # refuses frames that the network cannot invert
    return config, spec


def write_files(folder: Path, vocoder: VocoderWeights) -> None:
    """Writes the two files into a folder that exists.

    Raises:
      ValueError: a weight that float16 cannot hold.
      OSError: they cannot be written.
    """
    (folder / DESCRIPTION).write_text(_description(vocoder))
    write_params(folder / WEIGHTS, _to_float16(vocoder.params))


def write(folder: str | Path, config: VocosConfig, spec: MelSpec, params: PyTree) -> VocoderWeights:
    """Writes a new folder of a vocoder, whole or not at all, and returns what was written.

    Raises:
      VocoderFileError: the folder exists or cannot be written.
      ValueError: a weight that float16 cannot hold.
    """
    vocoder = VocoderWeights(spec, config, params)
    with write_folder(Path(folder), VocoderFileError) as unfinished:
        write_files(unfinished, vocoder)
    return vocoder


def abstract_params(config: VocosConfig, spec: MelSpec) -> PyTree:
    """Returns the shapes of a network's parameters, without computing any.

    Raises:
      ValueError: the network cannot invert such frames.
    """
    config.lag(spec)  # refuses frames that do not fit

    # Only what has parameters is traced, and everything within the trace: this is part of the time
    # that every rendering takes to begin.
    def initialize() -> PyTree:
        network, frames = Vocos(config, spec), jnp.zeros((1, 8, spec.bins))
        return network.init(jax.random.key(0), frames, None, method="predict_spectra")

    return nn.meta.unbox(jax.eval_shape(initialize))["params"]


def _description(vocoder: VocoderWeights) -> str:
    return json.dumps(to_json(vocoder.config, vocoder.spec), indent=1) + "\n"


def _to_float16(params: PyTree) -> dict[str, np.ndarray]:
    # An overflow is looked for below, where the weight can be named.
    with np.errstate(over="ignore"):
        flat = {k: np.asarray(v, np.float16) for k, v in flatten_dict(params, sep="/").items()}
    broken = [name for name, value in flat.items() if not np.isfinite(value).all()]
    if broken:
        raise ValueError(f"weights of {broken[0]} are not finite as float16; train it again")
    return flat
