"""Measures how fast the default bundle renders: ``python tests/benchmarks/rendering.py``.

Prints, from one run: the time of a guided denoising step beside the floating-point operations that
XLA counts in it and the rate of a large float32 matrix product in the same process; and for the
60 s example, rendered by the command twice with a compilation cache that is empty at first, seconds
of audio per second and the peak of memory; for its first ten seconds, what a whole call takes, and
how long a player waits for the first sound of a stream once the model is loaded.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp

from mt3synth import bundle
from mt3synth.model import load
from mt3synth.models.conditions import Conditions, frame_times
from mt3synth.synthesis import SamplingConfig
from mt3synth.synthesis.chunks import denoise_chunk, encode_chunk

SONG = Path(__file__).resolve().parents[2] / "docs" / "examples" / "mozart_quartet.mid"
REPEATS = 15


def median_seconds(call: Callable[[], jax.Array]) -> float:
    """Takes the median wall time of a call that has been made once before."""
    call().block_until_ready()
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        call().block_until_ready()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def matmul_rate(size: int = 3072) -> float:
    """Measures how many FLOP a second a float32 product of two square matrices makes."""
    one, other = jax.random.normal(jax.random.key(0), (2, size, size))
    product = jax.jit(jnp.matmul)
    return 2 * size**3 / median_seconds(lambda: product(one, other))


def step_cost(model: bundle.Bundle, chunk: int) -> tuple[float, float]:
    """Measures seconds and operations of one guided step over ``chunk`` windows."""
    spec = model.spec
    network, guidance = spec.build(), spec.guidance
    conditions = Conditions(
        performance=jnp.zeros(chunk, jnp.int32),
        keep_score=jnp.ones(chunk, bool),
        keep_performance=jnp.ones(chunk, bool),
        roll=jnp.zeros((chunk, spec.segment_frames, spec.roll.channels)),
        notes=jnp.zeros((chunk, 64, 5)),
        frames=frame_times(chunk, spec.segment_frames),
        tokens=jnp.zeros((chunk, 256), jnp.int32),
        token_times=jnp.zeros((chunk, 256)),
    )
    context = encode_chunk(network, guidance, model.params, conditions)
    frames = jax.random.normal(jax.random.key(1), (chunk, spec.segment_frames, spec.mel.bins))
    arguments = (network, spec.diffusion, guidance, model.params, context, frames, jnp.array(0.5))
    cost = denoise_chunk.lower(*arguments).compile().cost_analysis()
    return median_seconds(lambda: denoise_chunk(*arguments)), float(cost["flops"])


def render(cache: str, *options: str) -> tuple[float, float]:
    """Measures the wall seconds and peak memory in bytes of one call of the command."""
    with tempfile.TemporaryDirectory() as out:
        command = [
            sys.executable,
            "-m",
            "mt3synth.cli",
            "synthesize",
            str(SONG),
            "-o",
            out,
            *options,
        ]
        environment = {**os.environ, "XDG_CACHE_HOME": cache}
        began = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{' '.join(command)} failed with status {status}")
        return time.perf_counter() - began, usage.ru_maxrss * 1024


def first_sound(path: Path) -> float:
    """Measures the seconds until a stream's first sound, all programs being compiled before."""
    model = load()
    next(model.stream(path))
    began = time.perf_counter()
    next(model.stream(path))
    return time.perf_counter() - began


def main() -> None:
    """Prints the table."""
    model = bundle.load()
    chunk = SamplingConfig().chunk
    rate = matmul_rate()
    seconds, operations = step_cost(model, chunk)
    floor = operations / rate
    branches = len(model.spec.guidance.branches())
    print(f"large float32 matmul            {rate / 1e9:8.0f} GFLOP/s")
    print(f"guided step, {chunk} windows x {branches}      {1e3 * seconds:8.1f} ms")
    print(f"  its operations                {operations / 1e9:8.1f} GFLOP")
    print(f"  at the matmul's rate          {1e3 * floor:8.1f} ms")
    print(f"  step / that floor             {seconds / floor:8.2f}")
    length = 60.0
    with tempfile.TemporaryDirectory() as cache:
        for run in ("first", "second"):
            taken, memory = render(cache)
            print(
                f"60 s song, {run:6} run           {length / taken:8.2f} audio s per s"
                f" ({taken:.1f} s, peak {memory / 2**30:.2f} GiB)"
            )
        for run in ("first", "second"):
            taken, _ = render(cache, "--end", "10")
            print(f"its first 10 s, {run:6} run       {taken:8.2f} s in all")
    print(f"first sound of a stream         {first_sound(SONG):8.2f} s")


if __name__ == "__main__":
    main()
