"""An imported network gives the ancestor's output, from either format."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from checkpoint_cases import ancestors, golden, write_diffusers, write_orbax, write_t5x

from mt3synth import bundle as bundles
from mt3synth import cli
from mt3synth.bundle import Bundle
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.importers.published import GUIDANCE, ORIGINS
from mt3synth.model_spec import ModelSpec
from mt3synth.models.conditions import Conditions

QUICK = {"xla_backend_optimization_level": 0}
WRITERS = {"t5x": write_t5x, "orbax": write_orbax, "diffusers": write_diffusers}


def imported(source: Path, folder: Path, *options: str) -> Bundle:
    assert cli.main(["import", str(source), "--out", str(folder), *options]) == 0
    return bundles.load(folder)


@cache
def compiled(spec: ModelSpec) -> Callable[..., jax.Array]:
    return jax.jit(spec.build().apply, compiler_options=QUICK)


def output(bundle: Bundle, arrays: dict[str, np.ndarray], keep: bool = True) -> jax.Array:
    tokens = jnp.asarray(arrays["tokens"])
    kept = jnp.full(len(tokens), keep)
    conditions = Conditions(jnp.zeros(len(tokens), jnp.int32), kept, kept, tokens=tokens)
    if "context" in arrays:
        mask = jnp.asarray(arrays["context_mask"], bool)
        conditions = conditions._replace(context=jnp.asarray(arrays["context"]), context_mask=mask)
    frames, time = jnp.asarray(arrays["z"]), jnp.asarray(arrays["time"])
    return compiled(bundle.spec)({"params": bundle.params}, frames, time, conditions)


@pytest.mark.parametrize("writer", WRITERS)
def test_the_network_with_context_is_the_ancestors(tmp_path: Path, writer: str) -> None:
    arrays = golden("network_context")
    bundle = imported(WRITERS[writer](tmp_path / "theirs", ancestors(arrays)), tmp_path / "ours")
    np.testing.assert_allclose(output(bundle, arrays), arrays["output"], atol=1e-5)
    network, kind = bundle.spec.network, "diffusers" if writer == "diffusers" else "t5x"
    assert (network.max_tokens, network.context_frames, network.max_frames) == (64, 32, 32)
    assert (network.performances, bundle.spec.codec.velocity_bins) == (0, 1)
    assert bundle.spec.guidance == GUIDANCE
    assert bundle.spec.diffusion == DiffusionSpec("eps", "l1")
    (performance,) = bundle.performances
    assert performance.name == bundle.default == "unconditioned"
    assert "Hawthorne et al. 2022" in performance.description
    card = (bundle.folder / "README.md").read_text()
    for words in ("# ours", "Apache License 2.0", "stored as float32", ORIGINS[kind]):
        assert words in card


def test_the_network_without_context_is_the_ancestors(tmp_path: Path) -> None:
    arrays = golden("network_basic")
    bundle = imported(write_t5x(tmp_path / "theirs", ancestors(arrays)), tmp_path / "ours")
    np.testing.assert_allclose(output(bundle, arrays), arrays["output"], atol=1e-5)
    assert bundle.spec.network.inputs == ("tokens",)
