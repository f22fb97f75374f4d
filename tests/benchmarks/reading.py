"""Measures how fast segments are read and cached.

    python tests/benchmarks/reading.py [HOURS ...]

Builds corpora of noise with eight notes a second, and prints from one run: for each of the lengths
given (by default 0.5, 1 and 2 hours) the time and the peak of memory of caching it, by
``data_pipelines.seqio_pipeline.caching`` on one and two workers and by SeqIO's own pipeline; and
for the last,
segments of 256 frames per second of CPU time, so per core, as the trainer reads them from TFRecords
and from NumPy shards, with and without pitch shift and each form of notation, as ratios to the bare
mel front end on as many segments.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# One thread, so that CPU time is work and not the waiting of one thread for another.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.segment_reader import SegmentReader
from data_pipelines.reading.song_lists import list_songs
from data_pipelines.shards.formats import FORMATS
from data_pipelines.shards.names import shard_path
from data_pipelines.songs import Song
from mt3synth.audio.mel import MELGAN, log_mel
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.roll import RollSpec

FRAMES, BATCH, BATCHES = 256, 16, 50
SONG_SECONDS, SHARDS = 120, 4
HOURS = [0.5, 1.0, 2.0]

SEQIO_CACHE = """
import sys
import apache_beam as beam
from absl import flags
from seqio.scripts import cache_tasks_main
from data_pipelines.seqio_pipeline.tasks import register_tasks
from mt3synth.audio.mel import MELGAN
flags.FLAGS(["seqio_cache_tasks", "--min_shards=1"])
register_tasks("corpus", sys.argv[1], MELGAN, splits=("train",))
with beam.Pipeline() as pipeline:
    cache_tasks_main.run_pipeline(pipeline, ["corpus_train"], sys.argv[2])
"""


def song(name: str, seed: int) -> Song:
    """Makes noise and notes that have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    count = 8 * SONG_SECONDS
    start = np.sort(rng.uniform(0, SONG_SECONDS - 1, count))
    notes = Notes(
        start=start,
        end=start + rng.uniform(0.1, 0.9, count),
        pitch=rng.integers(36, 96, count),
        velocity=rng.integers(40, 100, count),
        program=rng.choice([0, 40, 73], count),
        is_drum=np.zeros(count, bool),
    )
    audio = rng.integers(-9000, 9000, SONG_SECONDS * MELGAN.sample_rate).astype(np.int16)
    return Song(name, audio, MELGAN.sample_rate, notes, 0)


def build(folder: Path, hours: float, format: str = "tfrecord") -> Path:
    """Writes a data set of one split in ``SHARDS`` files."""
    folder.mkdir()
    kind = FORMATS[format]
    songs = round(hours * 3600 / SONG_SECONDS / SHARDS)
    for shard in range(SHARDS):
        path = shard_path(folder, "train", shard, SHARDS, kind.suffix)
        kind.write(path, (song(f"{shard}-{i}", 1000 * shard + i) for i in range(songs)))
    return folder


def cpu_seconds(call: Callable[[], object]) -> float:
    """Reads the CPU time of all threads of this process."""
    began = time.process_time()
    call()
    return time.process_time() - began


def front_end_rate() -> float:
    """Segments per second of CPU through the bare front end."""
    audio = np.random.default_rng(0).normal(0, 0.1, FRAMES * MELGAN.hop).astype(np.float32)
    log_mel(audio, MELGAN)
    count = BATCH * BATCHES
    return count / cpu_seconds(lambda: [log_mel(audio, MELGAN) for _ in range(count)])


def reading_rate(folder: Path, names: tuple[str, ...], pitch_shift: int) -> float:
    """Segments per second of CPU, once every song has been opened."""
    features = SegmentFeatures(MELGAN, names, FRAMES, roll=RollSpec(), codec=EventCodec(127))
    reader = SegmentReader(list_songs(folder, "train"), features, pitch_shift)

    def read(first: int) -> None:
        for number in range(first, first + BATCHES):
            features.batch([reader.training(BATCH * number + i) for i in range(BATCH)])

    read(0)
    return BATCH * BATCHES / cpu_seconds(lambda: read(BATCHES))


def measure(command: list[str]) -> tuple[float, float]:
    """Measures the CPU seconds of a command with its workers, and the most bytes of any one."""
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed with status {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def main() -> None:
    """Prints the two tables."""
    lengths = [float(hours) for hours in sys.argv[1:]] or HOURS
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        print("caching                          hours     CPU s   peak GiB of a process")
        for hours in lengths:
            corpus, cache = build(scratch / f"{hours}", hours), scratch / f"cache-{hours}"
            ours = [
                sys.executable,
                "-m",
                "data_pipelines.seqio_pipeline.caching",
                "--data",
                str(corpus),
            ]
            ours += ["--task", "corpus", "--splits", "train", "--output_cache_dir"]
            workers = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
            theirs = [sys.executable, "-c", SEQIO_CACHE, str(corpus)]
            for name, command in {
                "data_pipelines.seqio_pipeline.caching": [*ours, str(cache)],
                "  two workers": [*ours, str(scratch / f"two-{hours}"), *workers],
                "seqio.scripts.cache_tasks_main": [*theirs, str(scratch / f"theirs-{hours}")],
            }.items():
                seconds, memory = measure(command)
                print(f"{name:30} {hours:7.1f} {seconds:9.1f} {memory / 2**30:10.2f}", flush=True)

        folders = {"TFRecords": corpus, "NumPy shards": build(scratch / "numpy", hours, "numpy")}
        rate = front_end_rate()
        print("\nsegments of 256 frames           per core and s   to the front end")
        print(f"{'bare mel front end':32} {rate:14.0f} {1:18.2f}")
        for shift in (0, 2):
            for source, folder in folders.items():
                for names in (("mel",), ("mel", "roll"), ("mel", "tokens")):
                    found = reading_rate(folder, names, shift)
                    label = f"{source}, {' + '.join(names)}{', shifted' if shift else ''}"
                    print(f"{label:32} {found:14.0f} {found / rate:18.2f}", flush=True)


if __name__ == "__main__":
    main()
