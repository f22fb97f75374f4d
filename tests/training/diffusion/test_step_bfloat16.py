"""bfloat16 activations cost nothing that could be told from the noise of training.

Everything about the two runs is the same but the type of the activations. Parameters, norms,
softmax, loss and the arithmetic of the diffusion stay in float32.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from mesh_cases import CHANNELS, MELS, PLAN, batch, network

from mt3synth.diffusion.ddim import DDIM
from mt3synth.diffusion.guidance import Guidance
from mt3synth.diffusion.sampler import sample
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.models.conditions import conditions_of
from mt3synth.synthesis.chunks import denoise_chunk, encode_chunk
from mt3synth.training.diffusion.step import make_eval_step, make_train_step
from mt3synth.training.parallel.mesh import single_device_mesh
from mt3synth.training.state import init_state_sharded

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quickly_compiled")]
SPEC, TYPES = DiffusionSpec(), ("float32", "bfloat16")
STEPS, SEEDS = 300, (3, 4)
PROJECTION = np.random.default_rng(7).uniform(-1, 1, (CHANNELS, MELS)) / np.sqrt(CHANNELS)


def learnable(size: int, seed: int) -> dict[str, np.ndarray]:
    """Frames that follow from the roll; `batch` has frames that follow from nothing."""
    made = batch(size, seed)
    return {**made, "mel": np.float32(np.tanh(2 * (made["roll"] - 0.5) @ PROJECTION))}


@cache
def trained(dtype: str, steps: int, seed: int) -> Any:
    """Returns the averaged parameters after some steps."""
    made, optimizer = network("unet", dtype=dtype), optax.adam(3e-3)
    state = init_state_sharded(made, batch(), optimizer, single_device_mesh(), seed=0)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(state.params))
    step = make_train_step(made, SPEC, optimizer, **{**PLAN, "seed": seed})
    for number in range(steps):
        state, _ = step(state, learnable(16, number))
    return state.ema


@pytest.mark.parametrize("name", ["unet", "t5"])
def test_a_step_differs_less_than_its_noise(name):
    losses = {}
    for dtype in TYPES:
        made, optimizer = network(name, dtype=dtype), optax.adam(3e-3)
        state = init_state_sharded(made, batch(), optimizer, single_device_mesh(), seed=0)
        step = make_train_step(made, SPEC, optimizer, **PLAN)
        found = []
        for number in range(8):
            state, metrics = step(state, batch(seed=number))
            assert all(value.dtype == jnp.float32 for value in metrics.values())
            found.append(float(metrics["loss"]))
        losses[dtype] = np.array(found)
    difference = np.abs(losses["bfloat16"] - losses["float32"])
    assert difference.max() < 0.1 * losses["float32"].std()


def test_a_run_ends_where_one_in_float32_ends():
    held_out = learnable(64, 10_000)
    evaluate = make_eval_step(network("unet"), SPEC, seed=0)
    ends = {
        (dtype, seed): np.asarray(evaluate(trained(dtype, STEPS, seed), held_out))
        for dtype in TYPES
        for seed in SEEDS
    }
    exact, rounded = (np.array([ends[dtype, seed] for seed in SEEDS]) for dtype in TYPES)
    fresh = trained("float32", 0, SEEDS[0])
    assert np.all(exact < 0.85 * np.asarray(evaluate(fresh, held_out)))  # it has learned
    # The type of the activations matters less than which noise was drawn.
    difference, noise = np.abs(rounded - exact).mean(), np.abs(exact[0] - exact[1]).mean()
    assert difference < 0.25 * noise
    # Where XLA fuses less, as in these tests, it rounds more often.
    assert np.abs(rounded / exact - 1).max() < 0.08


def test_samples_are_float32_and_close():
    weights = trained("float32", STEPS, SEEDS[0])
    given = learnable(16, 10_000)
    keep = jnp.ones(16, bool)
    conditions = jax.tree.map(jnp.asarray, conditions_of(given, keep, keep))
    drawn = {}
    for dtype in TYPES:
        made, guidance = network("unet", dtype=dtype), Guidance()
        context = encode_chunk(made, guidance, weights, conditions)

        def denoise(x_t: jax.Array, time: jax.Array) -> jax.Array:
            return denoise_chunk(made, SPEC, guidance, weights, context, x_t, time)  # noqa: B023

        noise = jax.random.normal(jax.random.key(1), given["mel"].shape)
        drawn[dtype] = sample(denoise, noise, SPEC.schedule, DDIM(), jax.random.key(2), steps=20)
        assert drawn[dtype].dtype == jnp.float32
    errors = {key: float(jnp.abs(value - given["mel"]).mean()) for key, value in drawn.items()}
    assert errors["bfloat16"] < 1.02 * errors["float32"]
