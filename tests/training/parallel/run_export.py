"""Lowers the sharded step and the sampler for accelerators; run by test_export_lowering.py.

Arguments: networks. Writes one JSON object: for each network and function the platforms it was
lowered for, the devices and the size of the module.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import jax
import jax.numpy as jnp
from jax import export
from mesh_cases import BATCH, FRAMES, MELS, PLAN, batch, network

from mt3synth.diffusion.ddim import DDIM
from mt3synth.diffusion.guidance import Guidance
from mt3synth.diffusion.sampler import sample
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.models.conditions import conditions_of
from mt3synth.synthesis.chunks import denoise_chunk, encode_chunk
from mt3synth.training.diffusion.step import make_eval_step, make_train_step
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.parallel.mesh import MeshConfig, batch_sharding, make_mesh
from mt3synth.training.state import abstract_state

PLATFORMS = ("tpu", "cuda")
SPEC, GUIDANCE, OPTIMIZER = DiffusionSpec(), Guidance(), OptimizerConfig().build(10)


def lowered(function: Any, *arguments: Any) -> dict[str, Any]:
    made = export.export(function, platforms=PLATFORMS)(*arguments)
    size = len(made.mlir_module_serialized)
    return {"platforms": made.platforms, "devices": made.nr_devices, "bytes": size}


def shapes(tree: Any, sharding: Any = None) -> Any:
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), tree
    )


def report(name: str) -> dict[str, Any]:
    made = network(name, dtype="bfloat16")
    mesh = make_mesh(MeshConfig(2, 2, 2))
    state = abstract_state(made, batch(), OPTIMIZER, mesh)
    placed = shapes(batch(), batch_sharding(mesh))
    step = make_train_step(
        made, SPEC, OPTIMIZER, **PLAN, mesh=mesh, accumulation=2, remat="dots_saveable"
    )
    evaluate = make_eval_step(made, SPEC, seed=0, mesh=mesh)

    keep = jnp.ones(BATCH, bool)
    conditions = shapes(conditions_of(batch(), keep, keep))
    params = shapes(state.params)
    context = jax.eval_shape(lambda p, c: encode_chunk(made, GUIDANCE, p, c), params, conditions)
    frames = jax.ShapeDtypeStruct((BATCH, FRAMES, MELS), jnp.float32)
    time = jax.ShapeDtypeStruct((), jnp.float32)

    def whole(params: Any, conditions: Any, x_T: Any, seed: Any) -> jax.Array:
        encoded = encode_chunk(made, GUIDANCE, params, conditions)

        def denoise(x_t: jax.Array, time: jax.Array) -> jax.Array:
            return denoise_chunk(made, SPEC, GUIDANCE, params, encoded, x_t, time)

        return sample(denoise, x_T, SPEC.schedule, DDIM(), jax.random.key(seed), steps=4)

    chunk = jax.jit(lambda p, c, x, t: denoise_chunk(made, SPEC, GUIDANCE, p, c, x, t))
    seed = jax.ShapeDtypeStruct((), jnp.int32)
    outputs = jax.eval_shape(chunk, params, context, frames, time)
    return {
        "train": lowered(step, state, placed),
        "evaluate": lowered(evaluate, state.ema, placed),
        "denoise_chunk": lowered(chunk, params, context, frames, time),
        "sample": lowered(jax.jit(whole), params, conditions, frames, seed),
        "sampled_type": str(outputs.dtype),
    }


print(json.dumps({name: report(name) for name in sys.argv[1:]}))
