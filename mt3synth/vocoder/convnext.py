"""Holds the block of which the vocoder's network is made."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer

from mt3synth.types import Array, Float


def dense(features: int, axes: tuple[str, str], kernel_init: Initializer) -> nn.Dense:
    """Makes a dense layer whose kernel's axes have the logical names ``axes``."""
    return nn.Dense(features, kernel_init=nn.with_logical_partitioning(kernel_init, axes))


class ConvNeXt(nn.Module):
    """A ConvNeXt block over frames, with a learned scale on what it adds.

    Liu et al. 2022 (arXiv 2201.03545), in one dimension as Vocos has it.

    Attributes:
      mlp_width: channels within.
      kernel: frames that each channel's own filter sees; odd.
      scale: of what is added, before it is learned.
    """

    mlp_width: int
    kernel: int
    scale: float

    @nn.compact
    def __call__(self, x: Float[Array, "B T D"]) -> Float[Array, "B T D"]:
        width, init = x.shape[-1], nn.initializers.lecun_normal()
        taps_init = nn.with_logical_partitioning(nn.initializers.normal(0.3), ("tap", "embed"))
        taps: Any = self.param("taps", taps_init, (self.kernel, width))
        bias = self.param("bias", nn.initializers.zeros, (width,))
        scale = self.param("scale", nn.initializers.constant(self.scale), (width,))
        # Shifted copies rather than a grouped convolution, which XLA does not do well on a CPU.
        half, frames = self.kernel // 2, x.shape[1]
        padded = jnp.pad(x, ((0, 0), (half, half), (0, 0)))
        filtered = bias + sum(
            taps[i] * jax.lax.slice_in_dim(padded, i, i + frames, axis=1)
            for i in range(self.kernel)
        )
        y = nn.LayerNorm(epsilon=1e-6)(filtered)
        # From here on frames do not see each other: all that looks along time is the filter above.
        y = dense(self.mlp_width, ("embed", "mlp"), init)(y)
        y = dense(width, ("mlp", "embed"), init)(nn.gelu(y))
        return x + scale * y
