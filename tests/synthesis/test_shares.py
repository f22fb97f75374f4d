"""Shares of performances by frame, and that they are heard where they are."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from synthesis_cases import CONFIG, T5, UNET, synthesizer, tune

from mt3synth.synthesis.shares import Shares, mix


@pytest.fixture(scope="module")
def song():
    return tune()


def test_one_blend_gives_way_to_the_next_around_its_frame():
    shares = Shares(((0.0, {1: 1.0}), (100.0, {0: 0.25, 1: 0.75}), (200.0, {0: 1.0})), fade=10.0)
    within = shares.within([-10, 95, 150, 300], 10)
    assert sorted(within) == shares.indices == [0, 1]
    np.testing.assert_allclose(within[0] + within[1], 1, atol=1e-6)
    np.testing.assert_array_equal(within[1][[0, 3]], [np.ones(10), np.zeros(10)])
    np.testing.assert_allclose(within[0][1], 0.25 * np.arange(10) / 10, atol=1e-6)
    np.testing.assert_allclose(within[0][2], 0.25, atol=1e-6)


def test_changes_that_are_closer_than_they_take_add_up_all_the_same():
    shares = Shares(((0.0, {0: 1.0}), (10.0, {1: 1.0}), (13.0, {2: 1.0})), fade=20.0)
    within = shares.within([0], 40)
    np.testing.assert_allclose(sum(within.values()), 1, atol=1e-6)
    assert min(share.min() for share in within.values()) >= 0


def test_a_single_performance_is_left_as_it_is():
    made = jnp.full((1, 4, 2), 0.1)
    shares = Shares.of(3).within([0], 4)
    assert mix(shares, lambda index: made * index if index == 7 else made) is made


@pytest.fixture(scope="module", params=[UNET, T5], ids=["unet", "t5"])
def model(request):
    return synthesizer(request.param)


@pytest.mark.parametrize("continuity", ["canvas", "stream"])
def test_each_is_heard_where_it_is_named(model, song, continuity):
    config = dataclasses.replace(CONFIG, continuity=continuity)
    first, second = (model.mel(song, index, config) for index in (0, 1))
    change = Shares(((0.0, {0: 1.0}), (70.0, {1: 1.0})), fade=10.0)
    changed = model.mel(song, change, config)
    # Windows of 32 frames with 24 from one to the next: far from frame 70 nothing knows of it. On a
    # canvas every step tells each window of its neighbours.
    if continuity == "stream":
        np.testing.assert_array_equal(changed[:20], first[:20])
    near = np.mean(np.abs(changed - first), axis=1), np.mean(np.abs(changed - second), axis=1)
    assert np.all(near[0][:64] <= near[1][:64] + 1e-6)
    assert np.mean(near[1][80:]) < np.mean(near[0][80:])


@pytest.mark.parametrize("continuity", ["canvas", "stream"])
def test_a_blend_lies_between_what_it_is_made_of(model, song, continuity):
    config = dataclasses.replace(CONFIG, continuity=continuity)
    first, second, halves = (
        model.mel(song, Shares(((0.0, shares),)), config)
        for shares in ({0: 1.0}, {1: 1.0}, {0: 0.5, 1: 0.5})
    )
    apart = np.abs(first - second).mean()
    assert 0 < np.abs(halves - first).mean() < apart
    assert 0 < np.abs(halves - second).mean() < apart


def test_the_chunk_changes_nothing(model, song):
    change = Shares(((0.0, {0: 1.0}), (70.0, {1: 1.0})), fade=10.0)
    base = model.mel(song, change, CONFIG)
    for chunk in (1, 16):
        other = model.mel(song, change, dataclasses.replace(CONFIG, chunk=chunk))
        np.testing.assert_allclose(other, base, atol=1e-4)


def test_a_performance_that_the_model_does_not_know(model, song):
    with pytest.raises(ValueError, match="performance 2; the model knows 0 to 1"):
        model.mel(song, Shares(((0.0, {0: 0.5, 2: 0.5}),)), CONFIG)
