"""Checks how far a run has read, and that it does not go on elsewhere."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.errors import UserError
from mt3synth.models.conditions import Conditions
from mt3synth.models.t5 import T5, T5Config
from mt3synth.training.data import TOKEN_MULTIPLE, ReaderPosition, trim_padding

BEGIN = ReaderPosition(examples=0, batch_size=16, seed=0, data="abc")


def test_the_position_is_the_number_of_the_next_batch():
    assert BEGIN.batch == 0
    assert BEGIN.advance(3).batch == 3
    assert BEGIN.advance(3).resume(BEGIN).batch == 3


@pytest.mark.parametrize(("size", "batch"), [(8, 6), (48, 1), (32, 2), (5, 10)])
def test_with_another_batch_size_nothing_is_read_twice(size, batch):
    read = BEGIN.advance(3)  # 48 examples
    found = read.resume(dataclasses.replace(BEGIN, batch_size=size))
    assert found.batch == batch
    assert read.examples <= found.examples < read.examples + size


@pytest.mark.parametrize(
    ("change", "message"),
    [({"seed": 1}, "seed=1, but the run was begun with seed=0"), ({"data": "x"}, "other data")],
)
def test_another_order_or_other_data_are_refused(change, message):
    with pytest.raises(UserError, match=message):
        BEGIN.advance(3).resume(dataclasses.replace(BEGIN, **change))


@pytest.mark.parametrize("size", [16, 32])
def test_a_former_identity_of_the_same_data_is_read_on_under_its_new_name(size):
    now = dataclasses.replace(BEGIN, batch_size=size, data="new")
    found = BEGIN.advance(3).resume(now, former=("older", "abc"))
    assert found == dataclasses.replace(now, examples=-(-48 // size) * size)
    with pytest.raises(UserError, match="identity 'abc', now 'new'"):
        BEGIN.advance(3).resume(now, former=("older",))
    # The seed gives the order whatever the data are called.
    with pytest.raises(UserError, match="seed=1"):
        BEGIN.advance(3).resume(dataclasses.replace(now, seed=1), former=("abc",))


def token_batch(longest: int, length: int) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    tokens = np.int32(draw.integers(1, 30, (3, length)))
    for row, end in zip(tokens, (2, longest, longest // 2)):
        row[end:] = 0
    times = np.float32(draw.uniform(0, 8, (3, length)))
    mel = np.float32(draw.uniform(-1, 1, (3, 8, 6)))
    return {"mel": mel, "tokens": tokens, "token_times": times}


@pytest.mark.parametrize(
    ("longest", "kept"), [(2, TOKEN_MULTIPLE), (256, 256), (257, 512), (600, 600)]
)
def test_padding_that_all_segments_share_is_taken_off(longest, kept):
    batch = token_batch(longest, 600)
    short = trim_padding(batch)
    assert short["tokens"].shape == short["token_times"].shape == (3, kept)
    assert short["mel"] is batch["mel"]
    np.testing.assert_array_equal(short["tokens"], batch["tokens"][:, :kept])
    assert not batch["tokens"][:, kept:].any()


def test_what_has_no_tokens_stays_whole():
    batch = {"mel": np.zeros((1, 2, 3))}
    assert trim_padding(batch) is batch
    assert trim_padding({"tokens": np.zeros((1, 600), np.int32)})["tokens"].shape == (
        1,
        TOKEN_MULTIPLE,
    )


def test_no_prediction_changes():
    network = T5(
        T5Config(
            encoder_layers=1,
            decoder_layers=1,
            width=8,
            heads=2,
            head_width=4,
            mlp_width=8,
            mel_bins=6,
            vocabulary_size=32,
            token_positions="event_time",
        )
    )

    def predicted(batch: dict[str, np.ndarray], params=None):
        conditions = Conditions(
            performance=jnp.zeros(3, jnp.int32),
            keep_score=jnp.ones(3, bool),
            keep_performance=jnp.ones(3, bool),
            tokens=jnp.asarray(batch["tokens"]),
            token_times=jnp.asarray(batch["token_times"]),
        )
        inputs = jnp.asarray(batch["mel"]), jnp.full(3, 0.5), conditions
        if params is None:
            params = jax.jit(network.init)(jax.random.key(0), *inputs)
        return jax.jit(network.apply)(params, *inputs), params

    batch = token_batch(40, 600)
    whole, params = predicted(batch)
    np.testing.assert_allclose(predicted(trim_padding(batch), params)[0], whole, atol=1e-5)
