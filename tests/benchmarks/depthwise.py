"""Times parts of a denoiser without downsampling: ``python tests/benchmarks/depthwise.py``.

A residual block of such a network is a depthwise convolution over time, a norm, and two products of
channels; it runs at the full frame rate. Prints, forward and backward, the time of the depthwise
convolution as XLA's own grouped one and as a sum of shifted frames, of the two products, and of one
full convolution of the U-Net's kind with as much arithmetic as the products; and in bfloat16 too.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from stopwatch import in_turn

Parts = dict[str, Callable[[], Any]]


def grouped(x: jax.Array, taps: jax.Array) -> jax.Array:
    """Convolves each channel of ``[B, T, C]`` by its own ``[K, C]``, as XLA does it."""
    return jax.lax.conv_general_dilated(
        x,
        taps[:, None],
        (1,),
        "SAME",
        dimension_numbers=("NWC", "WIO", "NWC"),
        feature_group_count=x.shape[-1],
    )


def shifted(x: jax.Array, taps: jax.Array) -> jax.Array:
    """Does the same by products of shifted frames, which are fused into one pass."""
    kernel, frames = len(taps), x.shape[1]
    padded = jnp.pad(x, ((0, 0), (kernel // 2, kernel // 2), (0, 0)))
    return sum(padded[:, k : k + frames] * taps[k] for k in range(kernel))


def products(x: jax.Array, weights: tuple[jax.Array, jax.Array]) -> jax.Array:
    """Mixes the channels, wide in between."""
    return jax.nn.silu(x @ weights[0]) @ weights[1]


def full(x: jax.Array, taps: jax.Array) -> jax.Array:
    """Convolves all channels with all, as the U-Net does."""
    return jax.lax.conv_general_dilated(
        x, taps, (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC")
    )


def make_parts(args: argparse.Namespace, dtype: str) -> Parts:
    """Makes a call for each part: its gradients by what goes in and by its weights."""
    width, wide = args.width, args.expansion * args.width
    keys = iter(jax.random.split(jax.random.key(0), 6))

    def normal(*shape: int) -> jax.Array:
        return (0.05 * jax.random.normal(next(keys), shape)).astype(dtype)

    x = normal(args.batch, 256, width)
    taps, pair = normal(args.kernel, width), (normal(width, wide), normal(wide, width))
    # Of as many products as the pair: three taps between so many channels.
    across = round((2 * width * wide / 3) ** 0.5) // 8 * 8
    narrow, cube = normal(args.batch, 256, across), normal(3, across, across)

    def call(function: Callable[..., jax.Array], given: jax.Array, weights: Any) -> Any:
        def total(x: jax.Array, weights: Any) -> jax.Array:
            return jnp.sum(jnp.square(function(x, weights).astype(jnp.float32)))

        gradient = jax.jit(jax.grad(total, argnums=(0, 1)))
        return lambda: gradient(given, weights)

    return {
        "depthwise, XLA's grouped convolution": call(grouped, x, taps),
        "depthwise, shifted frames": call(shifted, x, taps),
        "its two products of channels": call(products, x, pair),
        "a full convolution of as much arithmetic": call(full, narrow, cube),
    }


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=256, help="channels")
    parser.add_argument("--expansion", type=int, default=3, help="of the products")
    parser.add_argument("--kernel", type=int, default=7, help="frames, odd")
    parser.add_argument("--batch", type=int, default=16, help="segments of 256 frames")
    parser.add_argument("--rounds", type=int, default=5, help="of which the best time counts")
    parser.add_argument("--clock", default="wall", choices=("wall", "cpu"), help="cpu: CPU seconds")
    args = parser.parse_args()
    calls = {
        (name, dtype): each
        for dtype in ("float32", "bfloat16")
        for name, each in make_parts(args, dtype).items()
    }
    times = in_turn(calls, args.rounds, args.clock)
    print(f"{args.batch} x 256 frames, {args.width} channels, forward and backward, ms")
    for name in dict.fromkeys(name for name, _ in calls):
        row = [1e3 * times[name, dtype] for dtype in ("float32", "bfloat16")]
        print(f"{name:44} float32 {row[0]:9.1f}   bfloat16 {row[1]:9.1f}")


if __name__ == "__main__":
    main()
