"""Counts what rematerialisation computes again, in the step before it is compiled."""

from __future__ import annotations

from collections import Counter
from typing import Any

import jax
import optax
import pytest
from mesh_cases import PLAN, batch, network

from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.training.diffusion.step import make_train_step
from mt3synth.training.parallel.mesh import single_device_mesh
from mt3synth.training.state import abstract_state


def operations(name: str, remat: str) -> Counter[str]:
    """Counts how often each operation is done in an update."""
    made, optimizer = network(name), optax.sgd(1.0)
    step: Any = make_train_step(made, DiffusionSpec(), optimizer, **PLAN, remat=remat)
    state = abstract_state(made, batch(), optimizer, single_device_mesh())
    return _count(jax.make_jaxpr(step)(state, batch()).jaxpr)


def _count(jaxpr: Any) -> Counter[str]:
    total: Counter[str] = Counter()
    for equation in jaxpr.eqns:
        total[equation.primitive.name] += 1
        for inner in jax.tree.leaves(tuple(equation.params.values())):
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                total += _count(inner)
    return total


def test_the_t5_computes_again_what_is_not_kept():
    count = {
        remat: operations("t5", remat)["dot_general"]
        for remat in ("none", "dots_saveable", "dots_with_no_batch_dims_saveable", "full")
    }
    assert count["none"] == count["dots_saveable"]
    assert count["none"] < count["dots_with_no_batch_dims_saveable"] < count["full"]


def test_the_unet_computes_convolutions_again_unless_they_are_kept():
    none, kept, full = (
        operations("unet", remat)["conv_general_dilated"]
        for remat in ("none", "dots_saveable", "full")
    )
    # Four residual blocks: the input of a block's last operation, a convolution, needs the first.
    assert (kept - none, full - none) == (0, 4)


def test_no_micro_batch_is_refused():
    with pytest.raises(ValueError, match="accumulation=0 micro-batches; must be at least 1"):
        make_train_step(network("unet"), DiffusionSpec(), optax.sgd(1.0), **PLAN, accumulation=0)


def test_an_unknown_policy_is_refused(as_released):
    with pytest.raises(ValueError, match="remat 'some' is unknown; choose one of"):
        make_train_step(network("unet"), DiffusionSpec(), optax.sgd(1.0), **PLAN, remat="some")
