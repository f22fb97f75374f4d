"""Reads the parameters in a checkpoint of any t5x run that orbax wrote, whatever its network."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
from flax.traverse_util import flatten_dict

_TARGET = "target"
"""Where t5x keeps the parameters, beside the optimizer's state."""


class Target:
    """The parameters of a checkpoint: names, shapes and values.

    Args:
      state: absolute path of the folder ``state`` in ``checkpoint_N``.

    Attributes:
      shapes: by name, with slashes.

    Raises:
      ValueError: orbax finds no parameters there.
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        with ocp.PyTreeCheckpointer() as reader:
            try:
                self._tree = reader.metadata(state).item_metadata.tree[_TARGET]
            except Exception as error:  # orbax's errors have no class in common
                raise ValueError(str(error) or type(error).__name__) from error
        leaves = flatten_dict(self._tree, sep="/")
        self.shapes = {name: tuple(leaf.shape) for name, leaf in leaves.items()}

    def read(self, name: str) -> np.ndarray:
        """Reads a parameter by name; the first one asked for reads all."""
        return self._values[name]

    @cached_property
    def _values(self) -> dict[str, np.ndarray]:
        as_numpy = ocp.RestoreArgs(restore_type=np.ndarray)
        chosen = ocp.args.PyTreeRestore(
            item={_TARGET: self._tree},
            restore_args={_TARGET: jax.tree.map(lambda _: as_numpy, self._tree)},
            partial_restore=True,
        )
        with ocp.PyTreeCheckpointer() as reader:
            return flatten_dict(reader.restore(self._state, args=chosen)[_TARGET], sep="/")
