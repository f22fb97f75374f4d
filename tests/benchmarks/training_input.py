"""Measures whether training waits for its data.

    python tests/benchmarks/training_input.py [FOLDER]

Trains on a prepared folder, or on a corpus of noise that it builds, and prints from one run: the
share of the time in which the loop waits for a batch; the time of a step on batches from the reader
beside that on one batch again and again, the two taking turns; and how fast the reader is alone.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

# First, for it makes NumPy prepare batches on one thread, as `mt3synth train` does.
from reading import build  # isort: skip

import jax
from training_models import named_spec

from data_pipelines.open_data import open_data
from mt3synth.training.data import open_batches, read_first_batch, start_position
from mt3synth.training.diffusion.step import make_train_step
from mt3synth.training.monitoring.throughput import Progress
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.parallel.mesh import place_batch, single_device_mesh
from mt3synth.training.state import init_state_sharded


def measure(folder: str, model: str, size: int, steps: int, rounds: int) -> None:
    """Prints the table of one folder."""
    data, mesh = open_data(folder), single_device_mesh()
    spec = named_spec(model)
    position = start_position(data, size, 0)
    example = read_first_batch(data, spec, position, mesh)
    network, optimizer = spec.build(), OptimizerConfig().build(steps)
    state = init_state_sharded(network, example, optimizer, mesh, 0)
    step = make_train_step(
        network,
        spec.diffusion,
        optimizer,
        ema_decay=0.999,
        condition_drop=0.1,
        time_power=0.5,
        seed=0,
        mesh=mesh,
    )
    with closing(open_batches(data, spec, position, mesh)) as batches:
        state, metrics = step(state, place_batch(next(batches), mesh))
        jax.block_until_ready(metrics)
        seconds: dict[str, list[float]] = {"reader": [], "repeated": []}
        waiting, done = [], 1
        for _ in range(rounds):
            for source in seconds:
                progress = Progress(
                    batch_size=size,
                    segment_seconds=spec.segment_frames / spec.mel.frame_rate,
                    first=done,
                    steps=None,
                )
                began = time.perf_counter()
                for _ in range(steps):
                    with progress.waiting():
                        batch: Any = next(batches) if source == "reader" else example
                        batch = place_batch(batch, mesh)
                    state, metrics = step(state, batch)
                jax.block_until_ready(metrics)
                seconds[source].append((time.perf_counter() - began) / steps)
                done += steps
                if source == "reader":
                    waiting.append(progress.report(done).waiting)
        began = time.perf_counter()
        for _ in range(2 * steps):
            next(batches)
        alone = (time.perf_counter() - began) / (2 * steps)
    fresh, repeated = min(seconds["reader"]), min(seconds["repeated"])
    print(f"{model}, batch {size}, {steps} steps a round, {rounds} rounds")
    print(f"{'waiting for input, by round':46} {', '.join(f'{share:.1%}' for share in waiting)}")
    print(f"{'a step on batches from the reader':46} {1e3 * fresh:9.1f} ms")
    print(f"{'a step on one batch again and again':46} {1e3 * repeated:9.1f} ms")
    print(f"{'the first beyond the second':46} {fresh / repeated - 1:9.1%}")
    print(f"{'a batch from the reader alone':46} {1e3 * alone:9.1f} ms")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", help="a prepared folder; by default 0.5 h of noise")
    parser.add_argument("--model", default="unet_small", help="a file of gin_configs/models")
    parser.add_argument("--batch", type=int, default=16, help="segments of 256 frames")
    parser.add_argument("--steps", type=int, default=20, help="of a round")
    parser.add_argument("--rounds", type=int, default=3, help="of which the best time counts")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or str(build(Path(scratch) / "noise", 0.5))
        measure(folder, args.model, args.batch, args.steps, args.rounds)


if __name__ == "__main__":
    main()
