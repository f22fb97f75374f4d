"""Measures how fast the default bundle renders: ``python tests/benchmarks/rendering.py``.

Prints, from one run: the time of a guided denoising step beside the floating-point operations that
XLA counts in it and the rate of a large float32 matrix product in the same process; for the 60 s
example, and for ten minutes of it again and again, what the command takes with a compilation cache
that is empty at first, what it takes the second time, and its peak of memory, beside FluidSynth's
time for the same notes; the example again with eight steps; what a call takes for its first ten
seconds; and how long a player waits for the first sound of a stream once the model is loaded, in a
process that has rendered before and in a new one. ``--only`` leaves out the rest.
"""

from __future__ import annotations

import argparse
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

from data_pipelines.corpus.sound.render import find_fluidsynth
from mt3synth import bundle
from mt3synth.model import load
from mt3synth.models.conditions import Conditions, frame_times
from mt3synth.symbolic import read_midi
from mt3synth.symbolic.midi import write_midi
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis import SamplingConfig
from mt3synth.synthesis.chunks import denoise_chunk, encode_chunk

SONG = Path(__file__).resolve().parents[2] / "docs" / "examples" / "mozart_quartet.mid"
REPEATS = 15
PARTS = ("step", "minute", "ten", "steps", "start")
NEW_PROCESS = """
import sys, time
from mt3synth.commands.shared import compilation_cache
from mt3synth.model import load
compilation_cache.keep()
model = load()
began = time.perf_counter()
next(model.stream(sys.argv[1]))
print(time.perf_counter() - began)
"""


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


def spent(command: list[str], cache: str) -> tuple[float, float]:
    """Measures the wall seconds and peak memory in bytes of a command."""
    environment = {**os.environ, "XDG_CACHE_HOME": cache}
    began = time.perf_counter()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=environment, **quiet)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed with status {status}")
    return time.perf_counter() - began, usage.ru_maxrss * 1024


def render(song: Path, cache: str, *options: str) -> tuple[float, float]:
    """Measures one call of the command, as `spent`."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "mt3synth", "synthesize", str(song), "-o", out]
        return spent([*command, *options], cache)


def fluidsynth(song: Path, soundfont: Path, cache: str) -> float:
    """Measures the seconds that FluidSynth takes to write a song as WAV."""
    with tempfile.TemporaryDirectory() as out:
        command = [find_fluidsynth(), "-ni", "-F", f"{out}/song.wav", str(soundfont), str(song)]
        return spent(command, cache)[0]


def repeat(path: Path, seconds: float, out: Path) -> None:
    """Writes a song that is another again and again, up to so many seconds."""
    notes = read_midi(path)[0]
    starts = range(int(seconds / notes.end_time) + 1)
    again = [notes.shifted(number * notes.end_time) for number in starts]
    write_midi(Notes.concatenate(again).cropped(0.0, seconds), out)


def show(name: str, song: Path, cache: str, soundfont: Path, *options: str) -> None:
    """Prints what two calls take for a song, and FluidSynth."""
    length = read_midi(song)[0].end_time + SamplingConfig().tail
    for run in ("first", "second"):
        taken, memory = render(song, cache, *options)
        said = f"{taken:.1f} s, peak {memory / 2**30:.2f} GiB"
        print(f"{name}, {run:6} run  {length / taken:8.2f} audio s per s ({said})", flush=True)
    print(f"  FluidSynth        {length / fluidsynth(song, soundfont, cache):8.2f}", flush=True)


def first_sound(path: Path) -> float:
    """Measures the seconds until a stream's first sound, all programs being compiled before."""
    model = load()
    next(model.stream(path))
    began = time.perf_counter()
    next(model.stream(path))
    return time.perf_counter() - began


def show_step() -> None:
    """Prints what a step takes, and a large product."""
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


def show_start(cache: str) -> None:
    """Prints what short songs and first sounds take, nothing being compiled any more."""
    for run in ("first", "second"):
        taken, _ = render(SONG, cache, "--end", "10")
        print(f"its first 10 s, {run:6} run       {taken:8.2f} s in all")
    print(f"first sound of a stream         {first_sound(SONG):8.2f} s")
    command = [sys.executable, "-c", NEW_PROCESS, str(SONG)]
    environment = {**os.environ, "XDG_CACHE_HOME": cache}
    for _ in range(2):
        told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    print(f"  in a new process              {float(told.stdout):8.2f} s")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--cache", help="of compiled programs, one that is kept (a new one)")
    parser.add_argument(
        "--soundfont",
        type=Path,
        default="/usr/share/sounds/sf2/FluidR3_GM.sf2",
        help="FluidSynth's",
    )
    args = parser.parse_args()
    if "step" in args.only:
        show_step()
    with tempfile.TemporaryDirectory() as new:
        cache = args.cache or new
        if "minute" in args.only:
            show("60 s song", SONG, cache, args.soundfont)
        if "ten" in args.only:
            ten = Path(new) / "ten.mid"
            repeat(SONG, 597.0, ten)
            show("10 min song", ten, cache, args.soundfont)
        if "steps" in args.only:
            show("60 s song, 8 steps", SONG, cache, args.soundfont, "--steps", "8")
        if "start" in args.only:
            show_start(cache)


if __name__ == "__main__":
    main()
