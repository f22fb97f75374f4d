"""The frames before a segment, in training: which are kept, and that nothing else changes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax.traverse_util import flatten_dict
from mesh_cases import BATCH, FRAMES, MELS, PLAN, batch, network

from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.models.conditions import conditions_of
from mt3synth.training.diffusion.randomness import draw
from mt3synth.training.diffusion.step import example_losses, make_train_step
from mt3synth.training.parallel.mesh import single_device_mesh
from mt3synth.training.state import abstract_state, init_state

SPEC, KEEP = DiffusionSpec(), jnp.ones(BATCH, bool)
TIME, NOISE = jnp.full(BATCH, 0.7), jax.random.normal(jax.random.key(0), (BATCH, FRAMES, MELS))


DROPOUT = [
    [3259032465, 1359981169],
    [2194801445, 3816861481],
    [3987824174, 165283864],
    [1268584292, 1368586998],
    [1764340271, 3429389848],
    [4021407164, 638859384],
]
KEEP_SCORE = [True, False, False, True, False, True]
KEEP_PERFORMANCE = [True, True, True, False, True, True]
NORMAL = [
    [-0.301884, -0.007148],
    [-0.53582, -0.113089],
    [0.651881, 0.198913],
    [-2.363301, 0.598049],
    [-0.398943, 1.390242],
    [-0.28041, -0.639392],
]
TIMES = [0.360728, 0.428622, 0.62343, 0.749099, 0.862902, 0.975671]


def state_of(made: Any) -> Any:
    """Draws parameters, for a fresh network's zeros would let no gradient through."""
    optimizer, rng = optax.sgd(1.0), np.random.default_rng(0)
    shapes = abstract_state(made, batch(), optimizer, single_device_mesh()).params
    params = jax.tree.map(lambda x: jnp.float32(0.2 * rng.standard_normal(x.shape)), shapes)
    return init_state(params, optimizer)


def updated(accumulation: int) -> tuple[dict[str, np.ndarray], float]:
    """Parameters and loss after an update of the network with context, dropout off."""
    made = network("t5_context", dropout=0.0)
    step: Any = make_train_step(made, SPEC, optax.sgd(1.0), **PLAN, accumulation=accumulation)
    state, metrics = step(state_of(made), batch())
    return flatten_dict(jax.tree.map(np.asarray, state.params), sep="/"), float(metrics["loss"])


def losses_of(name: str) -> Any:
    """Returns the losses of a batch, given which contexts are kept."""
    made = network(name, dropout=0.0)
    params = state_of(made).params
    return jax.jit(
        lambda given, keep: example_losses(
            made,
            SPEC,
            params,
            given,
            TIME,
            NOISE,
            (KEEP, KEEP) if keep is None else (KEEP, KEEP, keep),
        )
    )


@pytest.mark.slow
@pytest.mark.usefixtures("quickly_compiled")
def test_two_micro_batches_make_the_update_of_one():
    (one, loss), (two, other) = updated(1), updated(2)
    assert loss == pytest.approx(other, rel=1e-5)
    scale = max(np.abs(value).max() for value in one.values())
    for name, value in one.items():
        np.testing.assert_allclose(two[name], value, atol=1e-5 * scale, err_msg=name)


def test_a_context_that_is_not_kept_is_one_that_is_not_there():
    given, losses = batch(), losses_of("t5_context")
    dropped, whole = losses(given, jnp.arange(BATCH) % 2 == 0), losses(given, KEEP)
    none = losses({**given, "context_mask": np.zeros_like(given["context_mask"])}, KEEP)
    np.testing.assert_array_equal(dropped[::2], whole[::2])
    np.testing.assert_array_equal(dropped[1::2], none[1::2])
    assert np.all(whole != none)
    # An evaluation says nothing of contexts, and keeps them.
    np.testing.assert_allclose(losses(given, None), whole, rtol=1e-6)


def test_a_network_without_context_is_not_touched_by_one():
    plain = {name: value for name, value in batch().items() if "context" not in name}
    losses = losses_of("unet")
    np.testing.assert_array_equal(losses(plain, ~KEEP), losses(batch(), KEEP))
    assert conditions_of(plain, KEEP, KEEP, KEEP).context_mask is None


def test_contexts_are_withheld_as_often_as_the_rest_and_by_themselves():
    size = 4000
    drawn = draw(
        jax.random.key(1), jnp.arange(size), size, (1, 1), condition_drop=0.25, time_power=1.0
    )
    keeps = np.stack([drawn.keep_score, drawn.keep_performance, drawn.keep_context])
    # Four standard errors, of a proportion and of a correlation.
    np.testing.assert_allclose(keeps.mean(axis=1), 0.75, atol=4 * np.sqrt(0.25 * 0.75 / size))
    np.testing.assert_allclose(np.corrcoef(keeps), np.eye(3), atol=4 / np.sqrt(size))


def test_all_else_is_drawn_as_it_was_before_there_were_contexts():
    """Bits recorded from the version before; a run resumed by this one goes on with them."""
    drawn = draw(jax.random.key(3), jnp.arange(6), 6, (1, 2), condition_drop=0.3, time_power=0.5)
    assert jax.random.key_data(drawn.dropout).tolist() == DROPOUT
    assert drawn.keep_score.tolist() == KEEP_SCORE
    assert drawn.keep_performance.tolist() == KEEP_PERFORMANCE
    np.testing.assert_allclose(drawn.noise[:, 0], NORMAL, atol=2e-6)
    np.testing.assert_allclose(drawn.time, TIMES, atol=2e-6)
