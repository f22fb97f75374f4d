"""Parameters of a network by their paths: in a safetensors file, and checked against the network.

A path is the keys from the root of the parameters, joined by slashes: ``decoder/layer_0/kernel``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from mt3synth.errors import UserError, first_line
from mt3synth.types import PyTree

Shape = tuple[int, ...]

_LISTED = 3  # names of each kind in a message that has to stay one line


def check_params(
    found: Mapping[str, Shape],
    expected: Mapping[str, Shape],
    source: Path,
    error: type[UserError],
) -> None:
    """Checks that parameters have the names and shapes of a network's.

    Args:
      found: shape by name, of the parameters in hand.
      expected: the same of those that the network has.
      source: where the parameters come from, for the message.
      error: what to raise.

    Raises:
      UserError: of the class ``error``: parameters are missing, unknown or of another shape; says
        how many and the first of each.
    """
    problems = {
        "missing": sorted(expected.keys() - found.keys()),
        "unknown": sorted(found.keys() - expected.keys()),
        "of another shape": [
            f"{name} ({found[name]} instead of {expected[name]})"
            for name in sorted(expected.keys() & found.keys())
            if found[name] != expected[name]
        ],
    }
    described = [
        f"{len(names)} {what}: {', '.join(names[:_LISTED])}{', ...' * (len(names) > _LISTED)}"
        for what, names in problems.items()
        if names
    ]
    if described:
        raise error(
            f"{source}: its parameters are not those of the network ({len(expected)} parameters): "
            + "; ".join(described)
        )


@contextmanager
def explain_shapes(path: Path, error: type[UserError]) -> Iterator[None]:
    """Says of a description by which a network is traced that there can be none like it.

    Raises:
      UserError: of the class ``error``: flax or JAX refused it, by whatever error it led them into.
    """
    try:
        yield
    except Exception as failure:
        why = f"{type(failure).__name__}: {first_line(failure)}"
        raise error(f"{path} describes a network that cannot be built ({why})") from failure


def read_params(path: Path, like: PyTree, error: type[UserError]) -> PyTree:
    """Reads a network's parameters from a safetensors file as float32.

    Args:
      path: of the file.
      like: values or shapes of the network's parameters.
      error: what to raise.

    Raises:
      UserError: of the class ``error``: the file cannot be read, or holds other parameters.
    """
    # What float32 cannot hold becomes infinite; nothing that was trained has such weights.
    with np.errstate(over="ignore", invalid="ignore"):
        flat = {n: np.asarray(value, np.float32) for n, value in read_stored(path, error).items()}
    expected = {name: leaf.shape for name, leaf in flatten_dict(like, sep="/").items()}
    check_params({name: value.shape for name, value in flat.items()}, expected, path, error)
    return unflatten_dict(flat, sep="/")


def read_stored(path: Path, error: type[UserError]) -> dict[str, np.ndarray]:
    """Reads the arrays of a safetensors file by their paths, of the type in which they are stored.

    Raises:
      UserError: of the class ``error``: the file cannot be read.
    """
    from safetensors.numpy import load_file

    try:
        return dict(load_file(path))
    except Exception as failure:  # safetensors' own class is not a public name
        raise error(f"{path} cannot be read: {failure}") from failure


def count_params(params: PyTree) -> int:
    """Counts the numbers in all parameters together."""
    return sum(int(np.size(leaf)) for leaf in flatten_dict(params).values())


def write_params(path: Path, params: Mapping[str, np.ndarray]) -> None:
    """Writes arrays by their paths to a safetensors file that everybody may read.

    Raises:
      OSError: it cannot be written.
    """
    from safetensors.numpy import save_file

    try:
        save_file(dict(params), path)
    except Exception as failure:  # safetensors' own class is not a public name
        number = re.search(r"os error (\d+)", str(failure))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from failure
    path.chmod(0o644)  # safetensors leaves it to its owner alone
