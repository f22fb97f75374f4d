"""Depthwise convolutions, and blocks of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from backbone_cases import spec_of

from mt3synth.models.unet_blocks import DepthwiseBlock, depthwise
from mt3synth.models.unet_config import UNetConfig


@pytest.mark.parametrize("dilation", [1, 4])
def test_shifted_frames_are_a_grouped_convolution(dilation):
    x, taps = jax.random.normal(jax.random.key(0), (2, 20, 6)), jnp.arange(42.0).reshape(7, 6)
    grouped = jax.lax.conv_general_dilated(
        x,
        taps[:, None],
        (1,),
        "SAME",
        rhs_dilation=(dilation,),
        dimension_numbers=("NWC", "WIO", "NWC"),
        feature_group_count=6,
    )
    np.testing.assert_allclose(depthwise(x, taps, dilation), grouped, rtol=1e-5, atol=1e-4)


def test_a_block_starts_as_the_identity():
    config = UNetConfig(128, 88, 1, widths=(16,), attention_levels=(), block="depthwise", kernel=7)
    block = DepthwiseBlock(config, 16, 4)
    x, condition = jax.random.normal(jax.random.key(0), (2, 30, 16)), jnp.ones((2, 8))
    made, _ = block.init_with_output(jax.random.key(1), x, condition, None, True)
    np.testing.assert_array_equal(made, x)


def test_what_older_versions_do_not_know_is_said_only_where_it_counts():
    assert "block" not in spec_of("unet").to_dict()["network"]
    assert spec_of("unet_depthwise").to_dict()["network"]["block"] == "depthwise"


def test_an_unknown_block_is_refused(as_released):
    with pytest.raises(ValueError, match="block='wide'; must be one of"):
        UNetConfig(128, 88, 1, block="wide")
