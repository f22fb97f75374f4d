"""Measures how fast a U-Net trains: ``python tests/benchmarks/unet_step.py [--config unet_small]``.

Prints, from one run: the time of a training step beside that of its own convolutions and matrix
products, forward and backward, each timed by itself at its own shapes; and segments per second
beside those of a T5 on batches of the same size.
"""

from __future__ import annotations

import argparse
from collections import Counter

import jax
from products import Products
from stopwatch import in_turn
from training import Step
from training_models import named_spec, noise_batch


def make_step(name: str, args: argparse.Namespace) -> Step:
    """Makes a training step of ``gin_configs/models/NAME.gin``."""
    spec = named_spec(name, args.dtype)
    return Step(spec, noise_batch(spec, args.batch, args.tokens))


def parameters(step: Step) -> int:
    """Counts the parameters."""
    return sum(leaf.size for leaf in jax.tree.leaves(step.state.params))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="unet_small", help="a file of gin_configs/models")
    parser.add_argument("--beside", default="t5_tiny", help="another, whose rate is shown too")
    parser.add_argument("--batch", type=int, default=16, help="segments of 256 frames")
    parser.add_argument("--tokens", type=int, default=1024, help="of a segment, padding included")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--rounds", type=int, default=5, help="of which the best time counts")
    parser.add_argument("--clock", default="wall", choices=("wall", "cpu"), help="cpu: CPU seconds")
    args = parser.parse_args()

    # One network after the other: buffers that two of them want in turn cost more than the steps.
    step = make_step(args.config, args)
    products = Products(step.function, step.state, step.batch)
    # Before and after the steps, so that a load that comes or goes falls on both.
    before = products.seconds(args.clock)
    times = in_turn({args.config: step.whole}, args.rounds, args.clock)
    after = products.seconds(args.clock)
    counts = {args.config: parameters(step)}
    del step
    beside = make_step(args.beside, args)
    times |= in_turn({args.beside: beside.whole}, args.rounds, args.clock)
    counts[args.beside] = parameters(beside)

    floor: Counter[str] = Counter()
    for product, count in products.counts.items():
        floor[product.primitive] += count * min(before[product], after[product])
    whole, total = times[args.config], sum(floor.values())
    device = jax.devices()[0].device_kind
    print(f"{args.dtype}, batch {args.batch}, {jax.device_count()} x {device}, {args.clock} time")
    print(f"{args.config + ', training step':44} {1e3 * whole:9.1f} ms")
    print(f"{'  its convolutions alone':44} {1e3 * floor['conv_general_dilated']:9.1f} ms")
    print(f"{'  its matrix products alone':44} {1e3 * floor['dot_general']:9.1f} ms")
    print(f"{'  step / both':44} {whole / total:9.2f}")
    for name, count in counts.items():
        label = f"{name}, {count / 1e6:.1f} M parameters"
        print(f"{label:44} {args.batch / times[name]:9.2f} segments / s")
    print(f"{'  ratio':44} {times[args.beside] / whole:9.2f}")


if __name__ == "__main__":
    main()
