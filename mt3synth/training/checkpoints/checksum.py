"""Computes a checksum of a training state that is the same on every mesh.

The storage format checks its index but not the numbers themselves: a flipped bit in them would be
restored as if nothing were wrong.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from mt3synth.types import Array, PyTree


def compute_checksums(tree: PyTree) -> dict[str, int]:
    """Computes a 32-bit checksum of each array, by its path.

    The bits of the elements, each times an odd number that its index gives it, are summed modulo
    2^32. The sum is exact in any order, hence it depends neither on the mesh nor on the machine;
    and as an odd number is invertible modulo 2^32, a change of any one element changes it.

    Args:
      tree: of arrays of 8 to 32 bits per element, on one mesh.
    """
    # One after the other: sums over several processes that are on their way at the same time may
    # meet in another order in each, and then wait for one another for ever.
    return {
        jax.tree_util.keystr(path): int(_sum(leaf))
        for path, leaf in jax.tree.leaves_with_path(tree)
    }


# Compiled once for each shape: one program for the whole tree takes far longer to compile.
@jax.jit
def _sum(leaf: Array) -> Array:
    if leaf.dtype == jnp.bool_:
        bits = leaf.astype(jnp.uint32)
    else:
        # The bits and not the value: NaN, and zeros of either sign, would compare as they should
        # not.
        unsigned = jnp.dtype(f"uint{8 * leaf.dtype.itemsize}")
        bits = jax.lax.bitcast_convert_type(leaf, unsigned).astype(jnp.uint32)
    # Built along each axis by itself, so that it is sharded like the array.
    index = jnp.zeros(leaf.shape, jnp.uint32)
    for axis, size in enumerate(leaf.shape):
        index = index * np.uint32(size) + jax.lax.broadcasted_iota(jnp.uint32, leaf.shape, axis)
    # Modulo 2^32 by overflow, which is what makes the order of the sum not matter.
    return jnp.sum(bits * (2 * index + 1), dtype=jnp.uint32)
