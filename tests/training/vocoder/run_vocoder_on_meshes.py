"""A vocoder's updates on each of several meshes, compared with one device; run by
test_vocoder_sharding.py.

Arguments: meshes like ``2x2x2``. Writes one JSON object: by mesh, how far its updates, with and
without discriminators, are from those of one device, and the share of each array of the state that
one device holds.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
from vocoder_cases import CONFIG, CRITICS, NETWORK, Tones

from mt3synth.audio.mel import MELGAN
from mt3synth.training.optim.learning_rate import Plan, scale_by_planned_rate
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.parallel.mesh import MeshConfig, make_mesh, place_batch, single_device_mesh
from mt3synth.training.vocoder.learner import VocoderLearner
from mt3synth.training.vocoder.validation import Validation
from mt3synth.vocoder.vocos import Vocos


class Gradient(OptimizerConfig):
    """The update is the gradient itself, and the momentum is a state to be sharded."""

    def build(self, steps: int) -> optax.GradientTransformation:
        return optax.chain(optax.trace(0.9), scale_by_planned_rate(1.0, 0, Plan(steps, 0)))


class Noise(Tones):
    """Makes noise in double precision, loud in all bins.

    The gradients of logarithms of small magnitudes make too much of rounding for meshes to be
    compared by them in single precision.
    """

    def _tones(self, samples: int, sample_rate: int, count: int, seed: int) -> np.ndarray:
        return 0.1 * np.random.default_rng(seed).standard_normal((count, samples))


def held(tree: Any) -> dict[str, list[Any]]:
    """Shape and one device's share of each array."""
    return {
        jax.tree_util.keystr(path): [leaf.shape, leaf.addressable_shards[0].data.shape]
        for path, leaf in jax.tree.leaves_with_path(tree)
    }


def updates(mesh: jax.sharding.Mesh) -> dict[str, Any]:
    """Fresh parameters, gradients of both networks, averages and losses."""
    config = dataclasses.replace(CONFIG, batch_size=8, eval_segments=0)
    generator, optimizer = Vocos(NETWORK, MELGAN), Gradient()
    data = Noise()
    validation = Validation(generator, data, config, Path())
    learner = VocoderLearner(
        generator, CRITICS, data, config, optimizer, optimizer, mesh, validation
    )
    planned = jax.tree.map(lambda leaf: leaf.sharding, learner.abstract())
    batch = next(learner.batches(learner.position))
    found: dict[str, Any] = {}
    for name, step in (("alone", 0), ("with_critics", config.adversarial_from)):
        state = learner.fresh()
        before = jax.device_get(state.params)
        state, metrics = learner.update_after(step)(state, place_batch(batch, mesh))
        after = jax.device_get(state.params)
        placed = jax.tree.map(lambda a, s: a.sharding.is_equivalent_to(s, a.ndim), state, planned)
        found[name] = {
            "gradient": {
                part: jax.tree.map(np.subtract, before[part], after[part]) for part in before
            },
            "ema": jax.device_get(state.ema),
            "metrics": jax.device_get(metrics),
            "as_planned": all(jax.tree.leaves(placed)),
        }
        found["fresh"], found["held"] = before, held(state)
    return found


def farthest(one: Any, other: Any) -> float:
    """Largest difference of any array, relative to the largest value of all."""
    pairs = list(zip(jax.tree.leaves(one), jax.tree.leaves(other)))
    scale = max(float(np.abs(a).max()) for a, _ in pairs) or 1.0
    return max(float(np.abs(a - b).max()) for a, b in pairs) / scale


def main(*meshes: str) -> None:
    jax.config.update("jax_enable_x64", True)
    alone, report = updates(single_device_mesh()), {}
    for sizes in meshes:
        found = updates(make_mesh(MeshConfig(*map(int, sizes.split("x")))))
        report[sizes] = {"fresh": farthest(alone["fresh"], found["fresh"]), "held": found["held"]}
        for name in ("alone", "with_critics"):
            one, other = alone[name], found[name]
            report[sizes][name] = {
                **{
                    part: farthest(gradient, other["gradient"][part])
                    for part, gradient in one["gradient"].items()
                },
                **{
                    metric: float(np.abs(other["metrics"][metric] - value))
                    / (float(np.abs(value)) or 1.0)
                    for metric, value in one["metrics"].items()
                },
                "ema": farthest(one["ema"], other["ema"]),
                "as_planned": other["as_planned"],
            }
    print(json.dumps(report))


main(*sys.argv[1:])
