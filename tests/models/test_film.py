"""FiLM modulates each channel alike at every position."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from mt3synth.models.axes import partitioned
from mt3synth.models.film import FiLM


def test_fresh_layer_is_the_identity() -> None:
    x, condition = jnp.arange(12.0).reshape(2, 3, 2), jnp.ones((2, 5))
    output, _ = FiLM().init_with_output(jax.random.key(0), x, condition)
    np.testing.assert_array_equal(output, x)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_gamma_is_relative_and_beta_absolute(dtype: str) -> None:
    kernel = jnp.array([[0.5, 0.0, 0.0, 3.0]])  # gamma of two channels, then beta of two
    x = jnp.ones((2, 3, 2), dtype)
    condition = jnp.array([[1.0], [2.0]])
    output = FiLM().apply({"params": {"gamma_beta": {"kernel": kernel}}}, x, condition)
    assert output.dtype == x.dtype
    for frame in range(3):
        np.testing.assert_array_equal(output[:, frame], [[1.5, 4.0], [2.0, 7.0]])


def test_misspelt_axis_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown axis names \['emded'\]"):
        partitioned(nn.initializers.ones, "emded")
