"""Checks that what is frozen stays to the bit, takes no memory, and that the rest learns."""

import jax
import numpy as np
import optax
import pytest
from flax.traverse_util import flatten_dict
from mesh_cases import batch, network

from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.errors import UserError
from mt3synth.training.diffusion.step import make_train_step
from mt3synth.training.optim.freezing import (
    FROZEN,
    FreezeConfig,
    describe,
    freeze,
    label_parameters,
)
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.parallel.mesh import single_device_mesh
from mt3synth.training.state import abstract_state, init_state_sharded

OPTIMIZER = OptimizerConfig(learning_rate=1e-2, warmup_steps=1, decay_steps=0, weight_decay=0.1)
ONE_MODULE = FreezeConfig(freeze=("*",), train=("performance_embedding", "*/gamma_beta"))


NETWORK = network("unet", widths=(16,), attention_levels=(), dropout=0.0)


@pytest.fixture(scope="module")
def params():
    shapes = abstract_state(NETWORK, batch(), optax.sgd(1.0), single_device_mesh()).params
    draw = np.random.default_rng(0)
    return jax.tree.map(lambda leaf: np.float32(draw.normal(size=leaf.shape)), shapes)


def frozen_paths(params, **config) -> set[str]:
    chosen = label_parameters(params, FreezeConfig(**config))
    return {"/".join(path) for path, label in flatten_dict(chosen).items() if label == FROZEN}


def test_a_pattern_is_a_parameter_a_module_or_has_wildcards(params):
    every = {"/".join(path) for path in flatten_dict(params)}
    within = {path for path in every if path.startswith("down_0_0/")}
    assert frozen_paths(params, freeze=("null_score",)) == {"null_score"}
    assert frozen_paths(params, freeze=("down_0_0",)) == within
    assert frozen_paths(params, freeze=("down_0_?",)) == within
    assert frozen_paths(params, freeze=("*/bias",)) == {p for p in every if p.endswith("/bias")}
    assert frozen_paths(params, freeze=("*",), train=("down_0_0",)) == every - within
    assert "1 of " in describe(params, FreezeConfig(freeze=("null_score",)))


def test_an_unknown_pattern_is_refused_with_the_nearest_path(params):
    with pytest.raises(UserError, match=r"freeze: no parameter matches 'down_0_0/conv_inn'.*in'"):
        label_parameters(params, FreezeConfig(freeze=("down_0_0/conv_inn",)))
    with pytest.raises(UserError, match=r"train: .*nearest is 'performance_embedding'"):
        label_parameters(params, FreezeConfig(freeze=("*",), train=("performance_embeding",)))


def test_nothing_left_to_train_is_refused(params):
    with pytest.raises(UserError, match="leaves nothing to train"):
        label_parameters(params, FreezeConfig(freeze=("*",)))


def test_without_patterns_the_optimizer_is_the_same(params):
    inner = optax.sgd(0.1)
    assert freeze(inner, params, FreezeConfig()) is inner


@pytest.mark.usefixtures("well_compiled")  # an average of one value is that value by fused sums
def test_frozen_parameters_and_their_average_stay_to_the_bit(params):
    optimizer = freeze(OPTIMIZER.build(10), params, ONE_MODULE)
    mesh, given = single_device_mesh(), jax.tree.map(np.copy, params)
    state = init_state_sharded(NETWORK, batch(), optimizer, mesh, 0, given)
    # Late in a run, where the average moves by little and rounding would show.
    state = state.replace(step=state.step + 20000)
    step = make_train_step(
        NETWORK,
        DiffusionSpec(),
        optimizer,
        ema_decay=0.999,
        condition_drop=0.1,
        time_power=0.5,
        seed=0,
    )
    before = flatten_dict(params)
    for _ in range(5):
        state, _ = step(state, batch())
    after, average = (flatten_dict(jax.device_get(tree)) for tree in (state.params, state.ema))
    frozen = flatten_dict(label_parameters(params, ONE_MODULE))
    for path, label in frozen.items():
        same = np.array_equal(before[path], after[path])
        assert same == (label == FROZEN), path
        assert np.array_equal(before[path], average[path]) == (label == FROZEN), path


def test_frozen_parameters_take_no_memory_for_moments(params):
    trained = sum(
        leaf.size
        for leaf, label in zip(
            jax.tree.leaves(params), jax.tree.leaves(label_parameters(params, ONE_MODULE))
        )
        if label != FROZEN
    )
    kept = freeze(OPTIMIZER.build(10), params, ONE_MODULE).init(params)
    assert sum(leaf.size for leaf in jax.tree.leaves(kept)) < 2 * trained + 10


def test_a_single_text_is_refused_and_a_list_will_do():
    with pytest.raises(ValueError, match=r"freeze='down_\*'; must be a list"):
        FreezeConfig(freeze="down_*")
    assert hash(FreezeConfig(freeze=["down_*"])) == hash(FreezeConfig(freeze=("down_*",)))
