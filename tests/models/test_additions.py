"""What one performance adds to the weights that all share."""

import jax
import numpy as np
import pytest
from backbone_cases import random_params, spec_of
from flax.traverse_util import flatten_dict

from mt3synth.bundle import abstract_params
from mt3synth.models.additions import (
    add,
    add_where,
    addition_shapes,
    check_additions,
    fresh_additions,
)

SPEC = spec_of("unet_notes")
PARAMS = random_params(SPEC)


def drawn(seed: int = 1):
    """Additions in which nothing is zero."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda leaf: np.float32(rng.normal(0, 0.1, leaf.shape)), addition_shapes(PARAMS, 2)
    )


def test_fresh_ones_add_nothing():
    fresh = fresh_additions(PARAMS, rank=2, seed=0)
    after = flatten_dict(add(PARAMS, fresh))
    for path, before in flatten_dict(PARAMS).items():
        np.testing.assert_array_equal(after[path], before, "/".join(path))
    assert any(np.any(part) for part in jax.tree.leaves(fresh))  # gradients need one half


def test_a_kernel_gets_a_product_of_thin_matrices_and_a_vector_a_vector():
    after = flatten_dict(add(PARAMS, drawn()))
    parts, before = flatten_dict(drawn()), flatten_dict(PARAMS)
    kernel, bias = ("down_0_0", "conv_in", "kernel"), ("down_0_0", "conv_in", "bias")
    change = np.asarray(after[kernel] - before[kernel]).reshape(-1, before[kernel].shape[-1])
    assert np.linalg.matrix_rank(change, tol=1e-4) == 2
    np.testing.assert_allclose(after[bias], before[bias] + parts[*bias, "shift"], rtol=1e-6)


def test_embeddings_get_none():
    table = ("performance_embedding", "embedding")
    after = flatten_dict(add(PARAMS, drawn()))
    assert after[table] is flatten_dict(PARAMS)[table]
    assert not any("performance_embedding" in path for path in flatten_dict(drawn()))


def test_where_the_condition_fails_every_bit_is_as_before():
    traced = jax.jit(add_where)
    elsewhere = flatten_dict(traced(PARAMS, drawn(), False))
    here, added = flatten_dict(traced(PARAMS, drawn(), True)), flatten_dict(add(PARAMS, drawn()))
    for path, before in flatten_dict(PARAMS).items():
        np.testing.assert_array_equal(elsewhere[path], before, "/".join(path))
        np.testing.assert_allclose(here[path], added[path], atol=1e-6)


def test_what_fits_no_parameter_is_named():
    shapes = abstract_params(SPEC)
    check_additions(shapes, drawn())
    with pytest.raises(ValueError, match="addition to down_9/kernel, which the network has not"):
        check_additions(shapes, {"down_9": {"kernel": {"shift": np.zeros(3)}}})
    with pytest.raises(ValueError, match=r"addition to norm_out/bias of shapes"):
        check_additions(shapes, {"norm_out": {"bias": {"shift": np.zeros(3)}}})
    with pytest.raises(ValueError, match="rank=0; must be at least 1"):
        addition_shapes(shapes, 0)
