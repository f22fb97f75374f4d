"""Says what the readers of others' checkpoints have in common: named arrays and a description."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mt3synth.diffusion.loss import Norm
from mt3synth.diffusion.process import PredictionKind
from mt3synth.errors import UserError
from mt3synth.models.t5_config import ContextAttention


class CheckpointError(UserError):
    """Others' weights that cannot be imported. The message names them and what is wrong."""


@dataclass(frozen=True)
class Description:
    """Says what arrays alone do not say about the network that they belong to.

    Attributes:
      encoder_layers, decoder_layers, width, heads, head_width, mlp_width, dropout,
        context_attention: as in `T5Config`.
      prediction, norm: as in `DiffusionSpec`.
    """

    encoder_layers: int
    decoder_layers: int
    width: int
    heads: int
    head_width: int
    mlp_width: int
    dropout: float = 0.1
    context_attention: ContextAttention = "concat"
    prediction: PredictionKind = "eps"
    norm: Norm = "l1"

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if self.__annotations__[name] == "int" and type(value) is not int:
                raise ValueError(f"{name}={value!r}; must be a whole number")


@dataclass(frozen=True, eq=False)
class Stored:
    """An array in its file.

    Attributes:
      shape: as stored.
      read: loads it.
    """

    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Others' weights, of which nothing but names and shapes has been read.

    Attributes:
      source: the folder, for messages.
      format: "t5x" or "diffusers".
      stored: every array by the name that it has there.
      own_name: from the ancestor's name of a parameter to the one that it has there.
      transposed: whether matrices are stored as ``[out, in]``, the way of PyTorch.
      description: of the network; None where the source has none.
    """

    source: Path
    format: str
    stored: Mapping[str, Stored]
    own_name: Callable[[str], str]
    transposed: bool
    description: Description | None

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Gives the shape of the parameter that the ancestor calls ``name``, or None.

        It is the ancestor's way round: kernels are ``[in, out]``.
        """
        found = self.stored.get(self.own_name(name))
        if found is None:
            return None
        return found.shape[::-1] if self.turned(name) else found.shape

    def read(self, name: str) -> np.ndarray:
        """Reads a parameter as float32, the ancestor's way round.

        Raises:
          CheckpointError: the file is damaged, or the array holds what is not a finite number.
        """
        own = self.own_name(name)
        stored = self.stored[own]
        try:
            value = np.asarray(stored.read()).astype(np.float32)
        except Exception as error:  # readers of files have no error in common
            raise CheckpointError(f"{self.source}: {own} cannot be read: {error}") from error
        if value.shape != stored.shape:
            raise CheckpointError(
                f"{self.source}: {own} is said to have shape {stored.shape} and has {value.shape}"
            )
        if not np.isfinite(value).all():
            raise CheckpointError(f"{self.source}: {own} holds numbers that are not finite")
        return value.T if self.turned(name) else value

    def turned(self, name: str) -> bool:
        """Tells whether the ancestor's parameter ``name`` is stored as ``[out, in]``."""
        return self.transposed and name.endswith("/kernel")
