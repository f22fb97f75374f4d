"""One update on each of several meshes, compared with one device; run by test_sharding.py.

Arguments: a network, then cases like ``2x2x2/1/none``: mesh, micro-batches, what is kept. Writes
one JSON object: by case, how far the update is from that of one device, and the share of each kind
of array that one device holds.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import jax
import numpy as np
import optax
from flax.traverse_util import flatten_dict
from mesh_cases import PLAN, batch, network

from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.training.diffusion.step import make_eval_step, make_train_step
from mt3synth.training.parallel.mesh import MeshConfig, make_mesh, place_batch, single_device_mesh
from mt3synth.training.state import TrainState, abstract_state, init_state_sharded

# The update is the gradient itself, and the momentum is an optimizer state to be sharded.
GRADIENT = optax.sgd(1.0, momentum=0.9)


def spread(tree: Any) -> dict[str, list[Any]]:
    """Shape and one device's share of each array."""
    return {
        jax.tree_util.keystr(path): [leaf.shape, leaf.addressable_shards[0].data.shape]
        for path, leaf in jax.tree.leaves_with_path(tree)
    }


def shaken(params: Any) -> Any:
    """Adds noise: a fresh network's zeros would let no gradient through."""
    draw = np.random.default_rng(0)
    return jax.tree.map(
        lambda leaf: np.asarray(leaf) + np.float32(0.2 * draw.standard_normal(leaf.shape)), params
    )


def update(name: str, mesh: jax.sharding.Mesh, accumulation: int, remat: str) -> dict[str, Any]:
    """Fresh parameters, a gradient by an update of others, and what the step says."""
    made, spec, placed = network(name), DiffusionSpec(), place_batch(batch(), mesh)
    fresh = init_state_sharded(made, batch(), GRADIENT, mesh, seed=0).params
    before = shaken(fresh)
    state = init_state_sharded(made, batch(), GRADIENT, mesh, seed=0, params=before)
    step: Any = make_train_step(
        made, spec, GRADIENT, **PLAN, mesh=mesh, accumulation=accumulation, remat=remat
    )
    state, metrics = step(state, placed)
    wanted: TrainState = abstract_state(made, batch(), GRADIENT, mesh)
    same = jax.tree.map(lambda a, b: a.sharding.is_equivalent_to(b.sharding, a.ndim), state, wanted)
    evaluate: Any = make_eval_step(made, spec, seed=1, mesh=mesh)
    found = {
        "fresh": flatten_dict(jax.tree.map(np.asarray, fresh), sep="/"),
        "gradient": flatten_dict(jax.tree.map(lambda p, q: p - np.asarray(q), before, state.params),
                                 sep="/"),
        "metrics": {key: np.asarray(value) for key, value in metrics.items()},
        "as_planned": all(jax.tree.leaves(same)),
        "shares": {kind: spread(getattr(state, kind)) for kind in ("params", "ema", "opt_state")},
    }  # fmt: skip
    if accumulation == 1:  # an evaluation knows neither micro-batches nor what is kept
        found["evaluation"] = np.asarray(evaluate(state.ema, placed))
    return found


def farthest(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """Largest difference of any array, relative to the largest value of all."""
    scale = max(np.abs(value).max() for value in one.values())
    return float(max(np.abs(one[key] - other[key]).max() for key in one) / scale)


def main(name: str, *cases: str) -> None:
    alone, report = update(name, single_device_mesh(), 1, "none"), {}
    for case in cases:
        sizes, accumulation, remat = case.split("/")
        mesh = make_mesh(MeshConfig(*map(int, sizes.split("x"))))
        found = update(name, mesh, int(accumulation), remat)
        report[case] = {
            "initial": farthest(alone["fresh"], found["fresh"]),
            "gradient": farthest(alone["gradient"], found["gradient"]),
            "metrics": {
                key: float(np.abs(value - found["metrics"][key]).max() / np.abs(value).max())
                for key, value in alone["metrics"].items()
            },
            "as_planned": found["as_planned"],
            "shares": found["shares"],
        }
        if "evaluation" in found:
            error = np.abs(alone["evaluation"] / found["evaluation"] - 1).max()
            report[case]["evaluation"] = float(error)
    print(json.dumps(report))


main(*sys.argv[1:])
