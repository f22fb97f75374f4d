"""Measures how fast files are embedded: ``python tests/benchmarks/embeddings.py [MINUTES ...]``.

For each of the lengths given (by default 5, 10 and 20 minutes, in files of one) and each embedding
that needs no TensorFlow, a process of its own reads the files, embeds them with nothing in the
cache, and takes the Frechet distance between the first half of the files and the second. Printed
are its seconds from the first file to the distance, compiling included, by the clock and of CPU
time; what an hour would take at that pace; and its peak of memory. Then, from one run, the CPU time
of musicnn's network for a window as a ratio to that of its convolutions and products alone.

musicnn is left out where ``mt3synth evaluate --setup`` has not been run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import jax
import numpy as np
from products import Products
from stopwatch import in_turn

from mt3synth.audio.files import write_audio
from mt3synth.evaluation.embeddings import EmbeddingError, embedding
from mt3synth.evaluation.embeddings.cache import EmbeddingCache
from mt3synth.evaluation.embeddings.gaussian import Gaussian
from mt3synth.evaluation.embeddings.musicnn import Musicnn, penultimate
from mt3synth.evaluation.metrics.frechet import frechet_distance

MINUTES = [5, 10, 20]
NAMES = ("log-mel", "musicnn")
RATE = 16000
BATCH = 8


def music(seed: int) -> np.ndarray:
    """Makes a minute of decaying tones over noise."""
    rng = np.random.default_rng(seed)
    audio = rng.normal(0, 0.003, 60 * RATE)
    time_s = np.arange(RATE) / RATE
    for start in np.arange(0, 59, 0.125):
        tone = 110 * 2 ** (rng.integers(48) / 12)
        note = 0.05 * np.sin(2 * np.pi * tone * time_s) * np.exp(-5 * time_s)
        audio[int(start * RATE) :][:RATE] += note
    return np.clip(audio, -1, 1).astype(np.float32)


def work(name: str, folder: Path, minutes: int) -> None:
    """Embeds the files and prints the seconds, the embeddings and the distance."""
    files = sorted(folder.glob("*.wav"))[:minutes]
    loaded = embedding(name)
    sides = Gaussian(loaded.dimension), Gaussian(loaded.dimension)
    with tempfile.TemporaryDirectory() as kept:
        cache = EmbeddingCache(kept)
        began, cpu = time.perf_counter(), time.process_time()
        for number, file in enumerate(files):
            sides[2 * number >= minutes].add(cache.of_file(file, loaded))
        value = frechet_distance(*sides, shrinkage="ledoit-wolf").value
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(seconds, cpu, sum(side.count for side in sides), value)


def measure(name: str, folder: Path, minutes: int) -> tuple[float, float, int, float]:
    """Measures seconds by the clock and of CPU, embeddings, and the bytes that a process needs."""
    command = [sys.executable, __file__, "work", name, str(folder), str(minutes)]
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed with status {status}")
    seconds, cpu, count, _ = said.split()
    return float(seconds), float(cpu), int(count), usage.ru_maxrss * 1024


def ratio_to_products(loaded: Musicnn) -> tuple[float, float]:
    """Measures the CPU milliseconds of a window, and their ratio to those of its products alone."""
    mel = jax.numpy.asarray(np.random.default_rng(0).uniform(0, 3, (BATCH, 187, 96)), "float32")
    products = Products(penultimate, loaded.weights, mel)
    whole = in_turn({"whole": partial(penultimate, loaded.weights, mel)}, 5, "cpu")["whole"]
    return 1000 * whole / BATCH, whole / products.total(products.seconds("cpu"))


def main() -> None:
    """Prints the table and the ratio."""
    if sys.argv[1:2] == ["work"]:
        work(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
        return
    lengths = [int(minutes) for minutes in sys.argv[1:]] or MINUTES
    loaded = {}
    for name in NAMES:
        try:
            loaded[name] = embedding(name)
        except EmbeddingError as error:
            print(error, file=sys.stderr)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for number in range(max(lengths)):
            write_audio(folder / f"{number:04}.wav", music(number), RATE, {})
        print("embedding  minutes  embeddings  seconds   CPU s  an hour: seconds  CPU s  peak GiB")
        for name in loaded:
            for minutes in lengths:
                seconds, cpu, count, memory = measure(name, folder, minutes)
                hour = 60 / minutes
                print(
                    f"{name:9} {minutes:8} {count:11} {seconds:8.1f} {cpu:7.1f}"
                    f" {hour * seconds:17.1f} {hour * cpu:6.1f} {memory / 2**30:9.2f}",
                    flush=True,
                )
    if "musicnn" in loaded:
        milliseconds, ratio = ratio_to_products(loaded["musicnn"])
        print(f"\nmusicnn: {milliseconds:.1f} CPU ms a window, {ratio:.2f} x its products alone")


if __name__ == "__main__":
    main()
