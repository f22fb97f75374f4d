"""Fixed sinusoids of positions and of diffusion time."""

from __future__ import annotations

import math

import jax.numpy as jnp

from mt3synth.types import Array, Float


def frequencies(width: int, longest: float = 1e4) -> Float[Array, " pairs"]:
    """Angular frequencies of the pairs of sine and cosine of `sinusoid`, fastest first.

    Raises:
      ValueError: ``width`` is odd or below 4.
    """
    if width < 4 or width % 2:
        raise ValueError(f"width={width} channels; must be even and at least 4")
    # Between the first and the last pair lie one less, which the division below needs to be at
    # least 1.
    pairs = width // 2
    return jnp.exp(jnp.arange(pairs) * (-math.log(longest) / (pairs - 1)))


def sinusoid(
    position: Float[Array, "*batch"], width: int, longest: float = 1e4
) -> Float[Array, "*batch {width}"]:
    """Sines, then cosines, of a position at geometrically spaced wavelengths.

    Vaswani et al. 2017 (arXiv 1706.03762), section 3.5, in the arrangement of Tensor2Tensor: all
    sines come before all cosines, and the last wavelength is exactly ``2 pi * longest``. The
    position is any real number, so nothing bounds the length of a sequence.

    Args:
      position: where, in the unit whose shortest wavelength is ``2 pi``.
      width: number of channels; even, at least 4.
      longest: angular period of the slowest pair over that of the fastest.

    Returns:
      Channels in [-1, 1], float32.

    Raises:
      ValueError: ``width`` is odd or below 4.
    """
    # In float32: bfloat16 has no whole numbers of its own beyond 256.
    angle = position.astype(jnp.float32)[..., None] * frequencies(width, longest)
    return jnp.concatenate([jnp.sin(angle), jnp.cos(angle)], axis=-1)


def time_embedding(time: Float[Array, " B"], width: int) -> Float[Array, "B {width}"]:
    """Sinusoid of the diffusion time in [0, 1], stretched to 20 000 positions.

    The stretch, of Hawthorne et al. 2022 (arXiv 2206.05408), gives the fastest pair some 3 000
    periods over the noise schedule and the slowest about a sixth of one.
    """
    return sinusoid(time.astype(jnp.float32) * 2e4, width, longest=2e4)
