"""Begins a run with the weights of a trained model, for performances that it may not know.

`load_source` finds the model, `adapt_parameters` makes its parameters those of the model to be
trained. Everything but the performances must be the same. Where the known model has performances,
only its table of embeddings gets other rows; where it has none (an imported network, say), the
layers that read a performance are added, so that at first they change nothing. Where it hears no
curves of notes and the model to be trained does, what hears them is added likewise.
"""

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
from mt3synth.audio.mel import name_differences
from mt3synth.bundle import Bundle, abstract_params
from mt3synth.errors import UserError, unknown
from mt3synth.model_spec import ModelSpec
from mt3synth.models.film import PerformanceEmbedding
from mt3synth.models.note_encoder import BENT, MEL_AXIS, NotePriorConfig
from mt3synth.training.checkpoints.ema import load_averaged
from mt3synth.training.checkpoints.manager import FOLDER
from mt3synth.training.optim.freezing import FreezeConfig
from mt3synth.training.run_folder import read_run
from mt3synth.types import PyTree

_EMBEDDING = "performance_embedding"
TABLE = (_EMBEDDING, "embedding")
"""Path at which every network has the embeddings of its performances, one a row."""


def load_source(source: str) -> Bundle:
    """Loads the model to begin with.

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
    # Checkpoints are what only a run has.
    if not (folder / FOLDER).is_dir():
        return bundles.load(folder)
    spec, performances = read_run(folder)
    # The averaged ones, for it is these that an export would have made a bundle of.
    params, _ = load_averaged(folder, abstract_params(spec))
    return Bundle(spec, performances, performances[0].name, params, folder)


def known_performances(bundle: Bundle) -> list[str]:
    """Lists the names of the performances that a bundle's network tells apart, if it does."""
    # A network that knows no performances has one sound all the same, under a name of its own.
    return [p.name for p in bundle.performances] if bundle.spec.network.performances else []


def table_of(bundle: Bundle) -> np.ndarray:
    """Returns the embeddings of the performances that a network tells apart, ``[P, D]``."""
    return np.asarray(flatten_dict(bundle.params)[TABLE])


def with_known(bundle: Bundle, performances: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lists the performances of some data, then those that a bundle knows beside them.

    In this order the indices of the data stay what they are.
    """
    names = {entry["name"] for entry in performances}
    known = set(known_performances(bundle)) - names
    # In the bundle's order, so that two runs from the same bundle number them alike.
    others = [p for p in bundle.performances if p.name in known]
    return [
        *performances,
        *(
            {"index": index, "name": p.name, "description": p.description}
            for index, p in enumerate(others, len(performances))
        ),
    ]


def confine_to_new(
    bundle: Bundle | None, performances: Sequence[dict[str, Any]], freezing: FreezeConfig
) -> tuple[FreezeConfig, list[int]]:
    """Confines training to the embeddings of performances that a bundle does not know.

    Whatever it knows then sounds as it did: to reach further would take its own data beside the
    new ones.

    Args:
      bundle: with which training begins.
      performances: of the model to be trained.
      freezing: what the user asked for beside it, which must be nothing.

    Returns:
      What is frozen, and the rows of the embeddings that stay as they are.

    Raises:
      UserError: the bundle tells no performances apart, all are known to it, or there is no
        bundle or another freezing.
    """
    if bundle is None:
        raise UserError("--keep-known needs --init-from, the model whose performances are kept")
    if freezing != FreezeConfig():
        raise UserError("--keep-known says what is frozen; leave --freeze and TRAIN_ONLY out")
    known = known_performances(bundle)
    # One sound for everything: there is no row that could be learned alone.
    if not known:
        raise UserError(
            f"--keep-known: {bundle.folder} tells no performances apart, so that embeddings alone "
            "cannot be learned"
        )
    held = [i for i, entry in enumerate(performances) if entry["name"] in known]
    if len(held) == len(performances):
        raise UserError(
            f"--keep-known: {bundle.folder} knows all performances of the data; nothing would be "
            "learned"
        )
    # The table and no FiLM: a layer that reads all performances would change all of them.
    return FreezeConfig(freeze=("*",), train=("/".join(TABLE),)), held


def parse_neighbours(pairs: Sequence[str]) -> dict[str, str]:
    """Reads ``NEW=KNOWN`` pairs into a dictionary.

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
    """Makes a bundle's parameters those of a model that may know other performances.

    A performance that the bundle knows by name keeps its embedding. A new one begins with that of
    its neighbour, if it has one, or with the mean of all that the bundle knows. Where the bundle
    knows none at all, the layers that read a performance are added: at first every performance
    then gives what the bundle gives, and gradients reach all that is new.

    Args:
      bundle: whose parameters.
      spec: the model to be trained.
      performances: its performances, in the order of their indices; each has a ``name``. Those
        that the bundle knows and that are not among them are dropped.
      neighbours: for new performances, the known one whose embedding they begin with.

    Raises:
      UserError: its model differs in more than its performances and how it is best sampled, one
        of them has additions, or a neighbour is of or for no such performance.
    """
    _check_same_model(bundle, spec)
    _check_nothing_lost(bundle, [entry["name"] for entry in performances])
    conditioned = bundle.spec.network.performances > 0
    known = {name: index for index, name in enumerate(known_performances(bundle))}
    names = [entry["name"] for entry in performances]
    neighbours = neighbours or {}
    _check_neighbours(neighbours, known, names)
    if conditioned:
        flat = flatten_dict(bundle.params)
        table = flat[TABLE]
        # A neighbour first, then the own name; None for neither.
        rows = (known.get(neighbours.get(name, name)) for name in names)
        flat[TABLE] = np.stack([table.mean(axis=0) if r is None else table[r] for r in rows])
    else:
        flat = _add_performances(flatten_dict(bundle.params), spec)
    if spec.has_curves and not bundle.spec.has_curves:
        flat |= _hear_curves(spec)
    return unflatten_dict({path: jnp.asarray(value) for path, value in flat.items()})


def _check_same_model(bundle: Bundle, spec: ModelSpec) -> None:
    """Refuses a bundle that differs in more than performances and how it is sampled."""
    # Before sizes of the network that follow from the frames, which would hide what is wrong.
    frames = name_differences(spec.mel, bundle.spec.mel, "bundle")
    if frames and isinstance(spec.network, type(bundle.spec.network)):
        raise UserError(
            f"{bundle.folder} denoises other mel frames: {frames}; bind its values, or take another"
            " bundle to begin with"
        )
    network = bundle.spec.network
    like: dict[str, Any] = {"performances": network.performances}
    if not network.performances and getattr(network, "null_score", None) == "masked":
        like["null_score"] = "masked"  # A learned null begins as the zeros that a mask leaves.
    prior = spec.prior
    if prior is not None and prior.curves and not bundle.spec.has_curves:
        fields = ("curves", *MEL_AXIS)
        like["prior"] = dataclasses.replace(
            prior, **{name: getattr(NotePriorConfig, name) for name in fields}
        )
    # How a model is best sampled may differ: it is no property of the weights.
    same = dataclasses.replace(spec, guidance=bundle.spec.guidance, sampling=bundle.spec.sampling)
    if isinstance(spec.network, type(network)):
        same = dataclasses.replace(same, network=dataclasses.replace(spec.network, **like))
    differing = [
        f"{name} ({old!r} in the bundle, {new!r} asked for)"
        for name, old, new in sorted(
            _differences(bundle.spec.to_dict(), same.to_dict()),
            # Another type of network explains all other differences, so it is named first.
            key=lambda found: found[0] != "network.type",
        )
    ]
    if differing:
        raise UserError(f"{bundle.folder} holds another model: {'; '.join(differing[:3])}")


def _check_nothing_lost(bundle: Bundle, performances: Collection[str]) -> None:
    """Refuses to go on with performances whose own additions a trained model would not have."""
    for name in bundle.added_to:
        if name in performances:
            raise UserError(
                f"{bundle.folder}: performance {name!r} has weights of its own (`mt3synth adapt`), "
                "which training would lose; begin with the bundle that it was added to, or leave "
                "it out by --only-mine"
            )


def _check_neighbours(
    neighbours: Mapping[str, str], known: Collection[str], performances: Collection[str]
) -> None:
    """Refuses a neighbour for a performance that is not new, or of one that is not known."""
    for new, like in neighbours.items():
        pair = f"--init-like {new}={like}"
        if new in known:
            raise UserError(f"{pair}: {new!r} is known to the model and keeps its own embedding")
        if new not in performances:
            raise UserError(f"{pair}: the data has no performance {unknown(new, performances)}")
        if like not in known:
            raise UserError(f"{pair}: the model knows no performance {unknown(like, known)}")


def _differences(one: Any, other: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """Lists the entries of two JSON trees that are not equal."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [
            found
            for key in sorted(one.keys() | other.keys())
            for found in _differences(one.get(key), other.get(key), f"{path}.{key}".lstrip("."))
        ]
    # JSON has no tuples.
    same = list(one) == list(other) if isinstance(one, (list, tuple)) else one == other
    return [] if same else [(path, one, other)]


def _hear_curves(spec: ModelSpec) -> dict[tuple[str, ...], np.ndarray]:
    """Makes the parameters by which curves of notes are heard: zeros, as fresh ones are."""
    shapes = flatten_dict(abstract_params(spec))
    return {path: np.zeros(leaf.shape, np.float32) for path, leaf in shapes.items() if BENT in path}


def _add_performances(
    old: Mapping[tuple[str, ...], np.ndarray], spec: ModelSpec
) -> dict[tuple[str, ...], np.ndarray]:
    """Adds what reads a performance to the parameters of a network that has none.

    FiLM in the decoder goes on reading the time and begins to read the performance with zeros; new
    FiLM in the encoder begins as the identity, and a learned null score as the zeros that a masked
    one adds. Gradients reach those zeros at once, and the embeddings from the second step on.

    Args:
      old: by path, of a T5 that differs from ``spec`` in having no performances, and perhaps in
        masking withheld scores where ``spec`` has a learned null.
      spec: the model to be trained.
    """
    network: Any = spec.network
    index = jnp.zeros(1, jnp.int32)
    # Random, for the layers that read it begin with zeros: of two zeros that are multiplied neither
    # would ever get a gradient.
    embedding = PerformanceEmbedding(network.performances, network.width).init(
        jax.random.key(0), index, index == 0
    )
    fresh = flatten_dict({_EMBEDDING: nn.meta.unbox(embedding)["params"]})

    def grow(path: tuple[str, ...], shape: tuple[int, ...]) -> np.ndarray:
        if path in fresh:
            return np.asarray(fresh[path])
        value = np.asarray(old[path]) if path in old else np.zeros(shape, np.float32)
        if value.shape == shape:
            return value
        # The condition is the performance's, then the time's (Maman et al. 2023).
        # Zeros ahead of what is there: the product with the time stays what it was.
        return np.concatenate([np.zeros((shape[0] - len(value), shape[1]), value.dtype), value])

    shapes = flatten_dict(abstract_params(spec))
    return {path: grow(path, leaf.shape) for path, leaf in shapes.items()}
