"""Measures how fast recordings become a data set: ``python tests/benchmarks/preparing.py``.

Prints, from one run, all on stereo WAV files of 44.1 kHz that it writes itself:

* seconds of music prepared per second on one core, from WAV and MIDI to log-mel frames and event
  tokens (format numpy, then the tokens of every segment), and the same divided by the speed of
  reading and resampling alone;
* the peak of memory for a file of an hour;
* the peak of memory for few and for many recordings;
* the same recordings by this machine's processes and by Beam's DirectRunner, with 1 and 2 workers.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from data_pipelines.prepare.build import build
from data_pipelines.prepare.manifest import read_manifest
from data_pipelines.prepare.plan import PrepareSettings
from data_pipelines.prepare.runners import run_in_beam, run_locally
from data_pipelines.shards.arrays import open_shard
from data_pipelines.shards.names import find_shards
from data_pipelines.shards.note_tables import notes_from_table
from mt3synth.audio.files import read_audio
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.midi import write_midi
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.tokenizer import encode_segment

RATE, MINUTES, SEGMENT_FRAMES, NOTES_PER_SECOND = 44100, 3, 256, 10
ONE_PROCESS = partial(run_locally, workers=1)
THIS = Path(__file__).resolve()


def write_pairs(folder: Path, count: int, minutes: float) -> Path:
    """Writes swelling stereo noise under ten notes a second; returns the manifest."""
    rng = np.random.default_rng(0)
    seconds = 60 * minutes
    start = np.sort(rng.uniform(0, seconds - 1, int(NOTES_PER_SECOND * seconds)))
    same = np.ones(len(start), int)
    pitch = rng.integers(36, 96, len(start))
    notes = Notes(start, start + 0.3, pitch, 80 * same, 40 * same, same == 0)
    write_midi(notes, folder / "song.mid")
    swell = (0.2 + 0.1 * np.sin(np.arange(RATE) * 2 * np.pi / RATE))[:, None]
    with soundfile.SoundFile(folder / "0.wav", "w", RATE, 2, "PCM_16") as file:
        for _ in range(int(seconds)):
            file.write(swell * rng.uniform(-1, 1, (RATE, 2)))
    for i in range(1, count):
        (folder / f"{i}.wav").symlink_to(folder / "0.wav")
    lines = ["audio,midi,performance,split", *(f"{i}.wav,song.mid,x,train" for i in range(count))]
    (folder / "pairs.csv").write_text("\n".join(lines) + "\n")
    return folder / "pairs.csv"


def seconds_to(do: Callable[[], object]) -> float:
    """Takes the wall time of a call."""
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def prepare(manifest: Path, out: Path, run: Callable = ONE_PROCESS) -> None:
    """Builds in the format that holds mel frames."""
    build(read_manifest(manifest), out, PrepareSettings(format="numpy"), source={}, run=run)


def tokenize(folder: Path) -> None:
    """Tokens of every segment of a data set."""
    codec = EventCodec(velocity_bins=127)
    for shard in find_shards(folder, "train", ".arrays"):
        spec, songs = open_shard(shard)
        for song in songs:
            notes = notes_from_table(np.array(song.notes))
            for first in range(0, len(song.mel), SEGMENT_FRAMES):
                encode_segment(notes, codec, first, SEGMENT_FRAMES, spec.frame_rate)


def peak_gib(count: int, minutes: float) -> float:
    """Measures the peak memory of a process that prepares ``count`` recordings, GiB."""
    command = [sys.executable, str(THIS), "--peak", str(count), str(minutes)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def report_peak(count: int, minutes: float) -> None:
    """Prepares in this process and prints its peak of memory."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = write_pairs(Path(folder), count, minutes)
        prepare(manifest, Path(folder) / "out")
    # Not getrusage, whose peak begins with that of the process that this one was forked from.
    status = Path("/proc/self/status").read_text()
    print(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 2**20)


def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = 40
        manifest, music = write_pairs(folder, count, MINUTES), 60.0 * MINUTES * count
        read_audio(folder / "0.wav", 16000)  # so that both find the file in memory
        reading = seconds_to(lambda: [read_audio(folder / f"{i}.wav", 16000) for i in range(count)])
        whole = seconds_to(lambda: prepare(manifest, folder / "out"))
        whole += seconds_to(lambda: tokenize(folder / "out"))
        print(f"{music / 3600:.2f} h of stereo WAV at {RATE} Hz, {NOTES_PER_SECOND} notes a second")
        print(f"reading and resampling alone: {music / reading:.0f}x real time on one core")
        print(f"to mel and tokens: {music / whole:.0f}x real time, {whole / reading:.2f}x the time")
        runners = {
            "processes": lambda n: partial(run_locally, workers=n),
            "Beam DirectRunner": lambda n: partial(
                run_in_beam,
                options=[f"--direct_num_workers={n}", "--direct_running_mode=multi_processing"],
            ),
        }
        for title, runner in runners.items():
            times = {
                n: seconds_to(lambda: prepare(manifest, folder / f"{title} {n}", runner(n)))  # noqa: B023
                for n in (1, 2)
            }
            shown = ", ".join(f"{n} workers {music / t:.0f}x real time" for n, t in times.items())
            print(f"{title}: {shown}, ratio {times[1] / times[2]:.2f}")
    print(f"peak of memory, one file of an hour: {peak_gib(1, 60.0):.2f} GiB")
    print(f"peak of memory, 4 and 40 files of {MINUTES} minutes:", end=" ")
    print(f"{peak_gib(4, MINUTES):.2f} and {peak_gib(40, MINUTES):.2f} GiB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        report_peak(int(sys.argv[2]), float(sys.argv[3]))
    else:
        main()
