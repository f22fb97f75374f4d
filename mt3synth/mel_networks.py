"""Small networks that hear mel frames, each as two files: what it is, and its weights."""

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
from mt3synth.foreign_files import check_sizes, read_json
from mt3synth.models.axes import shapes_alone
from mt3synth.models.mel_embedder import MelEmbedder, MelEmbedderConfig
from mt3synth.models.mel_transcriber import MelTranscriber, MelTranscriberConfig
from mt3synth.param_check import read_params, write_params
from mt3synth.types import PyTree

MelNetworkConfig = MelTranscriberConfig | MelEmbedderConfig

_FRAMES = 64  # more than any of them needs to be traced


@dataclass(frozen=True)
class Kind:
    """Says what kind of network it is.

    Attributes:
      name: of its files and in messages.
      config: class of its shape.
      network: made from a shape.
    """

    name: str
    config: type[Any]
    network: type[Any]

    @property
    def description(self) -> str:
        """Names the file that says what it is."""
        return f"{self.name}.json"

    @property
    def weights(self) -> str:
        """Names the file of its weights."""
        return f"{self.name}.safetensors"

    def parse(self, values: dict[str, Any]) -> tuple[Any, MelSpec]:
        """Inverts `describe`.

        Raises:
          KeyError, TypeError, ValueError, AttributeError: the values describe none.
        """
        check_sizes(values["config"], self.config)
        return self.config(**values["config"]), MelSpec.from_dict(values["mel"])


TRANSCRIBER = Kind("transcriber", MelTranscriberConfig, MelTranscriber)
EMBEDDER = Kind("embedder", MelEmbedderConfig, MelEmbedder)


@dataclass(frozen=True, eq=False)
class MelNetwork:
    """Holds a trained network.

    Attributes:
      spec: the frames that it hears.
      config: its shape.
      params: weights as float32.
    """

    spec: MelSpec
    config: Any
    params: PyTree


def describe(config: MelNetworkConfig, spec: MelSpec) -> dict[str, Any]:
    """Describes a network and the frames that it hears as JSON values."""
    return {"config": dataclasses.asdict(config), "mel": spec.to_dict()}


def write_weights(folder: Path, kind: Kind, params: PyTree) -> None:
    """Writes the weights beside the description, whole or not at all."""
    with write_atomically(folder / kind.weights) as unfinished:
        write_params(unfinished, flatten_dict(params, sep="/"))


def read(folder: str | Path, kind: Kind) -> MelNetwork:
    """Reads a network.

    Raises:
      UserError: a file is missing or cannot be read.
    """
    folder = Path(folder)
    for name in (kind.description, kind.weights):
        if not (folder / name).is_file():
            raise UserError(
                f"{folder} holds no {kind.name} of mel frames: it has no {name}; train one by "
                f"`mt3synth train-{kind.name}`"
            )
    try:
        config, spec = kind.parse(read_json(folder / kind.description))
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{folder / kind.description} describes no {kind.name} that this version understands: "
            f"{type(error).__name__}: {error}"
        ) from error
    params = read_params(folder / kind.weights, _abstract_params(kind, config), UserError)
    return MelNetwork(spec, config, params)


def read_for(folder: str | Path, kind: Kind, spec: MelSpec) -> MelNetwork:
    """Reads a network for these frames.

    Raises:
      UserError: as `read`, or it hears other frames.
    """
    found = read(folder, kind)
    if found.spec != spec:
        raise UserError(
            f"{folder} hears other mel frames than the model makes ({found.spec}; must be {spec}); "
            f"train a {kind.name} of these"
        )
    return found


def _abstract_params(kind: Kind, config: MelNetworkConfig) -> PyTree:
    network: nn.Module = kind.network(config)
    mel = jnp.zeros((1, _FRAMES, config.mel_bins))
    with shapes_alone():
        made: Any = jax.eval_shape(lambda: network.init(jax.random.key(0), mel))
    return nn.meta.unbox(made)["params"]
