"""Muon for matrices, Adam for the rest."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from backbone_cases import spec_of
from flax.traverse_util import flatten_dict

from mt3synth.bundle import abstract_params
from mt3synth.training.optim.muon import LAST_LAYERS, MATRIX, label_matrices, scale_by_muon_or_adam
from mt3synth.training.optim.optimizer import OptimizerConfig

B2 = 0.99


def updates_of(optimizer, gradients, params):
    """Makes one update."""
    return optimizer.update(gradients, optimizer.init(params), params)[0]


def example():
    """Draws gradients for a convolution, a depthwise one, an embedding, a vector, a last layer."""
    shapes = {
        "block": {"kernel": (3, 10, 12), "bias": (12,)},
        "depthwise": {"kernel": (7, 1, 12)},
        "table": {"embedding": (9, 12)},
        "frames_out": {"kernel": (3, 12, 16)},
    }
    draw = np.random.default_rng(0)
    is_shape = lambda node: isinstance(node, tuple)  # noqa: E731
    return jax.tree.map(
        lambda shape: jnp.asarray(draw.standard_normal(shape), jnp.float32),
        shapes,
        is_leaf=is_shape,
    )


def test_a_convolution_moves_in_all_directions_alike():
    gradients = example()
    # A gradient nearly all of which lies in one direction.
    gradients["block"]["kernel"] = gradients["block"]["kernel"].at[0, 0, 0].add(30.0)
    update = updates_of(scale_by_muon_or_adam(0.95, B2), gradients, gradients)["block"]["kernel"]
    matrix = np.asarray(update).reshape(30, 12)
    values = np.linalg.svd(matrix, compute_uv=False)
    # The iteration stops with singular values somewhere about one.
    assert values.max() < 2 * values.min()
    assert np.linalg.svd(gradients["block"]["kernel"].reshape(30, 12))[1].max() > 3 * 5
    # Of as large entries as Adam's usually have.
    assert 0.1 < np.sqrt(np.mean(matrix**2)) < 0.3
    # By taps and inputs together, and downhill.
    assert np.sum(update * gradients["block"]["kernel"]) > 0


def test_all_else_is_adams():
    gradients = example()
    mine = updates_of(scale_by_muon_or_adam(0.95, B2), gradients, gradients)
    adam = updates_of(optax.scale_by_adam(b2=B2), gradients, gradients)
    mine, adam = flatten_dict(mine, sep="/"), flatten_dict(adam, sep="/")
    same = {name for name in mine if np.array_equal(mine[name], adam[name])}
    assert same == set(mine) - {"block/kernel"}


@pytest.mark.parametrize("form", ("t5_context", "unet_notes"))
def test_a_network_has_matrices_and_a_last_layer_that_is_none(form):
    labels = flatten_dict(label_matrices(abstract_params(spec_of(form))), sep="/")
    matrices = {name for name, label in labels.items() if label == MATRIX}
    assert len(matrices) > 10
    assert all(name.endswith("/kernel") for name in matrices)
    last = {name for name in labels if set(name.split("/")) & set(LAST_LAYERS)}
    assert last and not last & matrices


def test_without_it_the_state_is_what_it_was():
    params = example()
    plain = OptimizerConfig().build(10).init(params)
    before = optax.chain(
        optax.clip_by_global_norm(1.0), optax.scale_by_adam(b2=B2), optax.identity()
    ).init(params)
    assert jax.tree.structure(plain[1]) == jax.tree.structure(before[1])
    muon = OptimizerConfig(direction="muon").build(10).init(params)
    # One moment instead of two for each matrix, besides a count and the coefficients.
    assert sum(x.size for x in jax.tree.leaves(muon)) < sum(x.size for x in jax.tree.leaves(plain))
