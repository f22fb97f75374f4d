"""Reads and writes a transcriber of mel frames as two files in the folder of its run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.traverse_util import flatten_dict

from mt3synth.atomic import write_atomically
from mt3synth.audio.mel import MelSpec
from mt3synth.errors import UserError
from mt3synth.foreign_files import read_json
from mt3synth.models.axes import shapes_alone
from mt3synth.models.mel_transcriber import MelTranscriber, MelTranscriberConfig
from mt3synth.param_check import read_params, write_params
from mt3synth.types import PyTree

DESCRIPTION, WEIGHTS = "transcriber.json", "transcriber.safetensors"


@dataclass(frozen=True, eq=False)
class TranscriberWeights:
    """Holds a trained transcriber of mel frames.

    Attributes:
      spec: the frames that it hears.
      config: shape of its network.
      params: weights as float32.
    """

    spec: MelSpec
    config: MelTranscriberConfig
    params: PyTree


def to_json(config: MelTranscriberConfig, spec: MelSpec) -> dict[str, Any]:
    """Describes a network and the frames that it hears as JSON values."""
    return {"config": dataclasses.asdict(config), "mel": spec.to_dict()}


def from_json(values: dict[str, Any]) -> tuple[MelTranscriberConfig, MelSpec]:
    """Inverts `to_json`.

    Raises:
      KeyError, TypeError, ValueError, AttributeError: the values describe none.
    """
    return MelTranscriberConfig(**values["config"]), MelSpec.from_dict(values["mel"])


def write_weights(folder: Path, params: PyTree) -> None:
    """Writes the weights beside the description, whole or not at all."""
    with write_atomically(folder / WEIGHTS) as unfinished:
        write_params(unfinished, flatten_dict(params, sep="/"))


def read(folder: str | Path, spec: MelSpec) -> TranscriberWeights:
    """Reads a transcriber for these frames.

    Raises:
      UserError: a file is missing or cannot be read, or it hears other frames.
    """
    folder = Path(folder)
    for name in (DESCRIPTION, WEIGHTS):
        if not (folder / name).is_file():
            raise UserError(
                f"{folder} holds no transcriber of mel frames: it has no {name}; train one by "
                "`mt3synth train-transcriber`"
            )
    try:
        config, own = from_json(read_json(folder / DESCRIPTION))
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{folder / DESCRIPTION} describes no transcriber that this version understands: "
            f"{type(error).__name__}: {error}"
        ) from error
    if own != spec:
        raise UserError(
            f"{folder} hears other mel frames than the model makes ({own}; must be {spec}); train "
            "a transcriber of these"
        )
    params = read_params(folder / WEIGHTS, abstract_params(config), UserError)
    return TranscriberWeights(own, config, params)


def abstract_params(config: MelTranscriberConfig) -> PyTree:
    """Returns the shapes of the parameters."""
    network, mel = MelTranscriber(config), jnp.zeros((1, 8, config.mel_bins))
    with shapes_alone():
        made = jax.eval_shape(lambda: network.init(jax.random.key(0), mel))
    return nn.meta.unbox(made)["params"]
