"""Measures what the corpus costs; needs music21 and the soundfonts.

    python tests/benchmarks/corpus.py

Prints, from one run on one core: processor seconds that an hour of corpus takes, by performance,
with soundfonts unpacked and as they are installed; and segments of 256 frames per second that are
read from its NumPy shards, for each kind of network input. Beside each stands its ratio to a fixed
piece of work timed in the same process, the mel spectrogram of an hour of noise, because processors
differ and machines are shared.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is imported: figures are for one core

import resource
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np

from data_pipelines.corpus.arrangement import scores
from data_pipelines.corpus.recipe import SongBook
from data_pipelines.corpus.sound import render, soundfonts
from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.numpy_songs import list_shard
from data_pipelines.reading.segment_reader import SegmentReader
from data_pipelines.shards import arrays
from data_pipelines.songs import Song, to_pcm
from mt3synth.audio.mel import MELGAN, log_mel
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.roll import RollSpec

SONGS = 60
BATCH, BATCHES = 16, 20


def processor_seconds(call: Callable[[], object]) -> float:
    """Counts the processor seconds of this process and those it starts."""

    def now() -> float:
        used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(u.ru_utime + u.ru_stime for u in used)

    began = now()
    call()
    return now() - began


def rendered(book: SongBook) -> tuple[list[Song], dict[str, list[tuple[float, float]]]]:
    """Renders the first songs; returns what they took by performance, and how long they are."""
    songs: list[Song] = []
    spent = defaultdict(list)
    for index in range(SONGS):

        def one(index: int = index) -> None:
            played = book.play("train", index)
            performance = book.all_performances()[played.performance]
            audio = render.render(played.notes, performance, MELGAN.sample_rate, played.rng)
            songs.append(
                Song(
                    str(index), to_pcm(audio), MELGAN.sample_rate, played.notes, played.performance
                )
            )

        taken = processor_seconds(one)
        name = book.all_performances()[songs[-1].performance].name
        spent[name].append((taken, songs[-1].seconds))
    return songs, spent


def per_hour(spent: list[tuple[float, float]]) -> float:
    """Scales to the processor seconds of an hour."""
    taken, seconds = np.sum(spent, axis=0)
    return 3600 * taken / seconds


def main() -> None:
    """Prints the tables."""
    noise = np.random.default_rng(0).standard_normal(600 * MELGAN.sample_rate, np.float32)
    log_mel(noise, MELGAN)
    unit = 6 * processor_seconds(lambda: log_mel(noise, MELGAN))
    print(f"mel of an hour of noise                  {unit:8.2f} processor s\n")

    cache = scores.find_cache()
    scores.fill_cache(cache, os.cpu_count() or 1)
    book = SongBook.open(0, cache)
    for performance in book.all_performances():
        soundfonts.find_playable(performance.soundfont.path())
    book.play("train", 0)
    songs, unpacked = rendered(book)
    installed_fonts = render.find_playable
    try:
        render.find_playable = lambda path: path
        installed = rendered(book)[1]
    finally:
        render.find_playable = installed_fonts
    print("rendering an hour, processor s (ratio)       unpacked      as installed")
    everything = [[s for spent in kind.values() for s in spent] for kind in (unpacked, installed)]
    rows = {name: (unpacked[name], installed[name]) for name in sorted(unpacked)}
    for name, kinds in {**rows, f"all {SONGS} songs": everything}.items():
        figures = [f"{per_hour(k):8.1f} ({per_hour(k) / unit:5.1f})" for k in kinds]
        print(f"{name:40} {'  '.join(figures)}")

    with tempfile.TemporaryDirectory() as folder:
        shard = Path(folder) / "train-00000-of-00001.arrays"
        arrays.write(shard, songs)
        entries = list_shard(shard)
        print("\nreading, segments per processor s (segments in a mel of an hour)")
        for names in (("mel",), ("mel", "roll"), ("mel", "tokens")):
            for shift in (0, 2):
                features = SegmentFeatures(MELGAN, names, 256, RollSpec(), EventCodec(127))
                reader = SegmentReader(entries, features, shift)

                def read(reader: SegmentReader = reader, kept=features) -> None:
                    for first in range(0, BATCH * BATCHES, BATCH):
                        kept.batch([reader.training(first + i) for i in range(BATCH)])

                read()
                rate = BATCH * BATCHES / processor_seconds(read)
                what = f"{' + '.join(names)}{', shifted by up to 2' if shift else ''}"
                print(f"{what:40} {rate:8.0f} ({rate * unit:6.0f})")


if __name__ == "__main__":
    main()
