"""Beginning with the weights of a bundle, with new performances added."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from mt3synth import bundle as bundles
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.types import PyTree

_TABLE = ("performance_embedding", "embedding")
"""Where every network keeps the embeddings of its performances, one a row."""


def parameters_from_bundle(
    folder: Path, spec: ModelSpec, performances: list[dict[str, Any]]
) -> PyTree:
    """A bundle's parameters for a model that may know other performances.

    A performance that the bundle knows by name keeps its embedding; a new one begins with the mean
    of all that the bundle knows.

    Args:
      folder: the bundle.
      spec: the model to be trained.
      performances: its performances, in the order of their indices; each has a ``name``.

    Raises:
      UserError: no bundle, or one whose model differs in more than its performances.
    """
    bundle = bundles.load(folder)
    count = bundle.spec.network.performances
    same = dataclasses.replace(spec, network=dataclasses.replace(spec.network, performances=count))
    differing = [
        f"{name} ({old!r} in the bundle, {new!r} asked for)"
        for name, old, new in _differences(bundle.spec.to_dict(), same.to_dict())
    ]
    if differing:
        raise UserError(f"{folder} holds another model: {'; '.join(differing[:3])}")

    flat = flatten_dict(bundle.params)
    table = flat[_TABLE]
    known = {p.name: p.index for p in bundle.performances}
    rows = [
        table[known[entry["name"]]] if entry["name"] in known else table.mean(axis=0)
        for entry in performances
    ]
    flat[_TABLE] = np.stack(rows)
    return unflatten_dict({path: jnp.asarray(value) for path, value in flat.items()})


def _differences(one: Any, other: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """Entries of two JSON trees that are not equal."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [
            found
            for key in sorted(one.keys() | other.keys())
            for found in _differences(one.get(key), other.get(key), f"{path}.{key}".lstrip("."))
        ]
    same = list(one) == list(other) if isinstance(one, (list, tuple)) else one == other
    return [] if same else [(path, one, other)]
