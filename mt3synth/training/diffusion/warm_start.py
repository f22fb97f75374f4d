"""Beginning with the weights of a trained model, with new performances added."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from mt3synth import bundle as bundles
from mt3synth.bundle import Bundle, abstract_params
from mt3synth.errors import UserError, unknown
from mt3synth.model_spec import ModelSpec
from mt3synth.models.film import PerformanceEmbedding
from mt3synth.training.checkpoints.ema import load_averaged
from mt3synth.training.checkpoints.manager import FOLDER
from mt3synth.training.run_folder import read_run
from mt3synth.types import PyTree

_TABLE = ("performance_embedding", "embedding")
"""Where every network keeps the embeddings of its performances, one a row."""


def load_source(source: str) -> Bundle:
    """The model to begin with.

    Args:
      source: "default" for the bundle that comes with mt3synth, the folder of another bundle, or
        the folder of a training run, of which the averaged weights of the last checkpoint are
        taken.

    Raises:
      UserError: there is no model.
    """
    if source == "default":
        return bundles.load(bundles.DEFAULT)
    folder = Path(source)
    if not (folder / FOLDER).is_dir():
        return bundles.load(folder)
    spec, performances = read_run(folder)
    params, _ = load_averaged(folder, bundles.abstract_params(spec))
    return Bundle(spec, performances, performances[0].name, params, folder)


def parse_neighbours(pairs: Sequence[str]) -> dict[str, str]:
    """``NEW=KNOWN`` pairs as a dictionary.

    Raises:
      UserError: one is not of that form, or gives a name twice.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        new, sign, known = (part.strip() for part in pair.partition("="))
        if not (new and sign and known):
            raise UserError(f"--init-like {pair}: must be NEW=KNOWN, two names of performances")
        if new in found:
            raise UserError(f"--init-like {pair}: {new!r} already begins like {found[new]!r}")
        found[new] = known
    return found


def adapt_parameters(
    bundle: Bundle,
    spec: ModelSpec,
    performances: list[dict[str, Any]],
    neighbours: Mapping[str, str] | None = None,
) -> PyTree:
    """A bundle's parameters for a model that may know other performances.

    A performance that the bundle knows by name keeps its embedding. A new one begins with that of
    its neighbour, if it has one, or with the mean of all that the bundle knows. Where the bundle
    knows none at all, the network is grown: see `add_performances`.

    Args:
      bundle: whose parameters.
      spec: the model to be trained.
      performances: its performances, in the order of their indices; each has a ``name``.
      neighbours: for new performances, the known one whose embedding they begin with.

    Raises:
      UserError: its model differs in more than its performances and how it is best sampled, or a
        neighbour is of or for no such performance.
    """
    count = bundle.spec.network.performances
    like: dict[str, Any] = {"performances": count}
    if not count and getattr(bundle.spec.network, "null_score", None) == "masked":
        like["null_score"] = "masked"  # what a learned one can begin as
    same = dataclasses.replace(spec, guidance=bundle.spec.guidance)
    if isinstance(spec.network, type(bundle.spec.network)):
        same = dataclasses.replace(same, network=dataclasses.replace(spec.network, **like))
    differing = [
        f"{name} ({old!r} in the bundle, {new!r} asked for)"
        for name, old, new in sorted(
            _differences(bundle.spec.to_dict(), same.to_dict()),
            key=lambda found: found[0] != "network.type",  # which explains all others
        )
    ]
    if differing:
        raise UserError(f"{bundle.folder} holds another model: {'; '.join(differing[:3])}")

    known = {p.name: p.index for p in bundle.performances} if count else {}
    neighbours = neighbours or {}
    _check_neighbours(neighbours, known, [entry["name"] for entry in performances])
    if not count:
        grown = add_performances(bundle.params, spec)
        return jax.tree.map(jnp.asarray, grown)
    flat = flatten_dict(bundle.params)
    table = flat[_TABLE]

    def row(name: str) -> np.ndarray:
        index = known.get(neighbours.get(name, name))
        return table.mean(axis=0) if index is None else table[index]

    flat[_TABLE] = np.stack([row(entry["name"]) for entry in performances])
    return unflatten_dict({path: jnp.asarray(value) for path, value in flat.items()})


def _check_neighbours(
    neighbours: Mapping[str, str], known: Collection[str], performances: Collection[str]
) -> None:
    for new, like in neighbours.items():
        pair = f"--init-like {new}={like}"
        if new in known:
            raise UserError(f"{pair}: {new!r} is known to the model and keeps its own embedding")
        if new not in performances:
            raise UserError(f"{pair}: the data has no performance {unknown(new, performances)}")
        if like not in known:
            raise UserError(f"{pair}: the model knows no performance {unknown(like, known)}")


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


_EMBEDDING = "performance_embedding"


def add_performances(params: PyTree, spec: ModelSpec, seed: int = 0) -> PyTree:
    """Parameters of a network without performances, grown to those of one with some.

    FiLM in the decoder goes on reading the time and begins to read the performance with zeros; new
    FiLM in the encoder begins as the identity, and a learned null score as the zeros that a masked
    one adds. So for every performance the grown network first
    gives what the given one gives, and gradients reach all that is new: the zeros at once, the
    embeddings from the second step on.

    Args:
      params: of a T5 that differs from ``spec`` in having no performances, and perhaps in masking
        withheld scores where ``spec`` has a learned null.
      spec: the model to be trained.
      seed: of the embeddings.
    """
    network: Any = spec.network
    old = flatten_dict(params)
    fresh = flatten_dict({_EMBEDDING: _embedding(network.performances, network.width, seed)})

    def begin(path: tuple[str, ...], shape: tuple[int, ...]) -> np.ndarray:
        if path in fresh:
            return np.asarray(fresh[path])
        value = np.asarray(old[path]) if path in old else np.zeros(shape, np.float32)
        if value.shape == shape:
            return value
        # The condition is the performance's, then the time's (Maman et al. 2023).
        return np.concatenate([np.zeros((shape[0] - len(value), shape[1]), value.dtype), value])

    shapes = flatten_dict(abstract_params(spec))
    return unflatten_dict({path: begin(path, leaf.shape) for path, leaf in shapes.items()})


def _embedding(performances: int, width: int, seed: int) -> PyTree:
    one = jnp.zeros(1, jnp.int32)
    drawn = PerformanceEmbedding(performances, width).init(jax.random.key(seed), one, one == 0)
    return nn.meta.unbox(drawn)["params"]
