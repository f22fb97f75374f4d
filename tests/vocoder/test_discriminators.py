"""Discriminators look at what they are said to look at."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.vocoder.discriminators import (
    DiscriminatorConfig,
    Discriminators,
    PeriodDiscriminator,
)

AUDIO = jax.random.normal(jax.random.key(0), (2, 3001))


def test_every_output_belongs_to_an_example():
    config = DiscriminatorConfig((2, 3), (2, 3), (256,), (2, 2, 2))
    network = Discriminators(config)
    params = jax.jit(network.init)(jax.random.key(1), AUDIO)
    outputs = jax.jit(network.apply)(params, AUDIO)
    assert [len(layers) for layers in outputs] == [3, 3, 4]
    alone = jax.jit(network.apply)(params, AUDIO[:1])
    for both, one in zip(jax.tree.leaves(outputs), jax.tree.leaves(alone)):
        assert len(both) == 2
        np.testing.assert_allclose(both[:1], one, atol=1e-5)


def test_a_column_sees_only_samples_a_period_apart():
    network = PeriodDiscriminator(5, (2, 3))
    params = jax.jit(network.init)(jax.random.key(1), AUDIO)
    scores = lambda audio: jnp.sum(network.apply(params, audio)[-1][0, 3])  # noqa: E731
    moved = np.flatnonzero(np.asarray(jax.jit(jax.grad(scores))(AUDIO))[0])
    assert moved.size > 500 and set(moved % 5) == {3}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"periods": (), "windows": ()}, "one discriminator at least"),
        ({"periods": (0,)}, "each must be at least 1"),
        ({"windows": (510,)}, "multiples of 4"),
        ({"period_channels": ()}, "one layer at least"),
    ],
)
def test_shapes_that_cannot_be(fields, message):
    with pytest.raises(ValueError, match=message):
        DiscriminatorConfig(**fields)
