"""Describes what a network is made of and where it lies, as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from mt3synth.training.parallel.sharding import LOGICAL_RULES, param_spec
from mt3synth.training.run_folder import write
from mt3synth.types import PyTree

FILE = "summary.txt"
"""File of the table within the folder of a run."""

_HEADINGS = ("parameter", "shape", "numbers", "kB", "axes", "on the mesh", "on a device")
_ALIGNMENTS = "<<>><<<"


@dataclass(frozen=True)
class Parameter:
    """One array of a network.

    Attributes:
      path: names of its modules and its own.
      shape: of the whole.
      names: logical name of each axis, None where it has none.
      spec: mesh axis of each axis.
      shard: shape of the part that each device holds.
      bytes: of the whole.
      undivided: mesh axes that the rules name for it but that do not divide its length.
    """

    path: tuple[str, ...]
    shape: tuple[int, ...]
    names: tuple[str | None, ...]
    spec: tuple[str | None, ...]
    shard: tuple[int, ...]
    bytes: int
    undivided: tuple[str, ...]

    @property
    def size(self) -> int:
        """Counts the numbers that it holds."""
        return math.prod(self.shape)

    @property
    def bytes_on_device(self) -> int:
        """Counts the bytes that one device holds of it."""
        # By shape and not by asking a device, so that it is known before anything is placed.
        return self.bytes * math.prod(self.shard) // max(1, self.size)


def list_parameters(boxed: PyTree, mesh: Mesh) -> list[Parameter]:
    """Lists parameters in the order of their modules; nothing is computed.

    Args:
      boxed: arrays or shapes, boxed with the names of their axes, as of
        `mt3synth.training.parallel.sharding.boxed_params`.
      mesh: where the parameters will lie.
    """
    is_boxed = lambda leaf: isinstance(leaf, nn.LogicallyPartitioned)  # noqa: E731
    leaves = jax.tree.leaves_with_path(boxed, is_leaf=is_boxed)
    return [_parameter(path, leaf, mesh) for path, leaf in leaves]


def _parameter(path: tuple[Any, ...], leaf: Any, mesh: Mesh) -> Parameter:
    boxed = isinstance(leaf, nn.LogicallyPartitioned)
    value = leaf.value if boxed else leaf
    names = tuple(leaf.names) if boxed else (None,) * value.ndim
    given = tuple(param_spec(names, value.shape, mesh))
    spec = given + (None,) * (value.ndim - len(given))
    # Vectors are left whole on purpose (see `param_spec`), so they are not marked as undivided.
    wished = nn.logical_to_mesh_axes(names, LOGICAL_RULES) if value.ndim > 1 else spec
    undivided = tuple(
        wish
        for wish, got in zip(wished or (), spec)
        if wish and got is None and mesh.shape[wish] > 1
    )
    shard = NamedSharding(mesh, PartitionSpec(*spec)).shard_shape(value.shape)
    keys = tuple(str(key.key) for key in path)
    size = math.prod(value.shape) * value.dtype.itemsize
    return Parameter(keys, value.shape, names, spec, shard, size, undivided)


def summarize(parameters: Sequence[Parameter], mesh: Mesh) -> str:
    """Sums all parameters up in one line."""
    total, bytes_ = _totals(parameters)
    held = sum(p.bytes_on_device for p in parameters)
    shape = " x ".join(f"{axis}={size}" for axis, size in mesh.shape.items())
    return (
        f"{total:,} parameters, {bytes_ / 1e6:.1f} MB; mesh {shape}, "
        f"{held / 1e6:.1f} MB on each device"
    )


def format_table(parameters: Sequence[Parameter], mesh: Mesh) -> str:
    """Lists modules with their sums, and under each its parameters, below what `summarize` says."""
    rows: list[tuple[str, ...]] = [_HEADINGS]
    for module, group in groupby(parameters, key=lambda parameter: parameter.path[0]):
        members = list(group)
        size, bytes_ = _totals(members)
        rows.append((module, "", f"{size:,}", f"{bytes_ / 1e3:,.1f}", "", "", ""))
        rows += map(_row, members)
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(map("{:{}{}}".format, row, _ALIGNMENTS, widths)).rstrip() for row in rows]
    lines.insert(1, "-" * len(lines[0]))
    if any(p.undivided for p in parameters):
        lines += ["", "! whole on every device, for the mesh axis does not divide its length"]
    return "\n".join([summarize(parameters, mesh), "", *lines, ""])


def write_table(folder: Path, parameters: Sequence[Parameter], mesh: Mesh) -> str:
    """Writes the table into the folder of a run; returns the line of `summarize`."""
    write(folder / FILE, format_table(parameters, mesh))
    return summarize(parameters, mesh)


def describe_state(state: PyTree) -> str:
    """Says in one line how many bytes a training state takes on its devices."""
    leaves = [leaf for leaf in jax.tree.leaves(state) if isinstance(leaf, jax.Array)]
    whole = sum(leaf.nbytes for leaf in leaves)
    held = sum(
        math.prod(leaf.sharding.shard_shape(leaf.shape)) * leaf.dtype.itemsize for leaf in leaves
    )
    return (
        f"training state (parameters, average, optimizer): {whole / 1e6:.1f} MB, "
        f"{held / 1e6:.1f} MB on each device"
    )


def _totals(parameters: Sequence[Parameter]) -> tuple[int, int]:
    return sum(p.size for p in parameters), sum(p.bytes for p in parameters)


def _row(parameter: Parameter) -> tuple[str, ...]:
    mapped = [axis or "-" for axis in parameter.spec]
    mapped += [f"{axis}!" for axis in parameter.undivided]
    return (
        "  " + "/".join(parameter.path[1:] or parameter.path),
        _times(parameter.shape),
        f"{parameter.size:,}",
        f"{parameter.bytes / 1e3:,.1f}",
        ", ".join(name or "-" for name in parameter.names),
        ", ".join(mapped),
        _times(parameter.shard),
    )


def _times(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "scalar"
