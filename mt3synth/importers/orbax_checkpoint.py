"""Reads the parameters in a checkpoint of any t5x run that orbax wrote, whatever its network."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
from flax.traverse_util import flatten_dict

from mt3synth.importers.checkpoint import Stored

_TARGET = "target"
"""Where t5x keeps the parameters, beside the optimizer's state."""


def read_target(state: Path) -> dict[str, Stored]:
    """Reads names and shapes of a checkpoint's parameters; the first array asked for reads all.

    Args:
      state: absolute path of the folder ``state`` in ``checkpoint_N``.

    Returns:
      Each parameter by name, with slashes.

    Raises:
      ValueError: orbax finds no parameters there.
    """
    with ocp.PyTreeCheckpointer() as reader:
        try:
            tree = reader.metadata(state).item_metadata.tree[_TARGET]
        except Exception as error:  # orbax's errors have no class in common
            raise ValueError(str(error) or type(error).__name__) from error

    @cache
    def values() -> dict[str, np.ndarray]:
        as_numpy = ocp.RestoreArgs(restore_type=np.ndarray)
        chosen = ocp.args.PyTreeRestore(
            item={_TARGET: tree},
            restore_args={_TARGET: jax.tree.map(lambda _: as_numpy, tree)},
            partial_restore=True,
        )
        with ocp.PyTreeCheckpointer() as reader:
            return flatten_dict(reader.restore(state, args=chosen)[_TARGET], sep="/")

    def read(name: str) -> np.ndarray:
        return values()[name]

    leaves = flatten_dict(tree, sep="/").items()
    return {name: Stored(tuple(leaf.shape), partial(read, name)) for name, leaf in leaves}
