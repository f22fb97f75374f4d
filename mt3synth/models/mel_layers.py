"""Layers of the small networks that hear mel frames, apart from any denoiser."""

from __future__ import annotations

import flax.linen as nn

from mt3synth.models.axes import partitioned


def dense(width: int, name: str, bias: float = 0.0) -> nn.Dense:
    """Makes a matrix whose bias begins at ``bias``."""
    return nn.Dense(
        width,
        kernel_init=partitioned(nn.initializers.lecun_normal(), "conv_in", "conv_out"),
        bias_init=partitioned(nn.initializers.constant(bias), "conv_out"),
        name=name,
    )


def convolution(width: int, kernel: int, name: str, dilation: int = 1) -> nn.Conv:
    """Makes a convolution along time."""
    return nn.Conv(
        width,
        (kernel,),
        kernel_dilation=(dilation,),
        kernel_init=partitioned(nn.initializers.lecun_normal(), "tap", "conv_in", "conv_out"),
        bias_init=partitioned(nn.initializers.zeros, "conv_out"),
        name=name,
    )


def norm(name: str) -> nn.LayerNorm:
    """Makes a norm over the channels of each frame: it does not look along time."""
    return nn.LayerNorm(
        scale_init=partitioned(nn.initializers.ones, "embed"),
        bias_init=partitioned(nn.initializers.zeros, "embed"),
        name=name,
    )
