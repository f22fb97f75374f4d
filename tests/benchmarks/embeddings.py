"""How well embeddings tell performances apart: ``python tests/benchmarks/embeddings.py CORPUS``.

Recordings of a corpus' test split, real renderings all, are each taken for the performance whose
recordings of the training split are nearest, by Group-FAD and by the mean of the embeddings. Both
splits hold other music, so that notes give nothing away.

    python tests/benchmarks/embeddings.py data/corpus --embeddings log-mel musicnn performance
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_pipelines.performances import read_performances
from mt3synth.evaluation.bundle.excerpts import read_recordings
from mt3synth.evaluation.embeddings import embedding
from mt3synth.evaluation.metrics.group_fad import group_distances
from mt3synth.types import Float, FloatND

SAMPLE_RATE = 16_000

Rows = Float[np.ndarray, "N D"]


class Sound(NamedTuple):
    """A recording's performance, and the beginning of its audio."""

    performance: str
    audio: FloatND


def main() -> int:
    """Prints a row of a Markdown table for each embedding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path, help="folder of `mt3synth prepare corpus`")
    parser.add_argument("--embeddings", nargs="+", default=["log-mel", "performance"])
    parser.add_argument("--source", help="of the embedding `performance`: a run, not the package's")
    parser.add_argument("--known", type=int, default=6, help="recordings of each performance (6)")
    parser.add_argument("--heard", type=int, default=6, help="others of each, to recognise (6)")
    parser.add_argument("--seconds", type=float, default=30, help="of each (30)")
    options = parser.parse_args()
    names = [entry.name for entry in read_performances(options.corpus)]

    def read(split: str, most: int) -> list[Sound]:
        songs = read_recordings(
            options.corpus, split, SAMPLE_RATE, options.seconds, len(names), most, False
        )
        length = round(options.seconds * SAMPLE_RATE)
        return [
            Sound(names[song.performance], song.audio[:length].astype(np.float32) / 32768)
            for song in songs
        ]

    known, heard = read("train", options.known), read("test", options.heard)
    chance = 1 / len(names)
    print(f"{len(heard)} recordings of {len(names)} performances, chance {chance:.2f}\n")
    print("| embedding | by Group-FAD | by the mean |\n|---|---|---|")
    targets = {f"{i}": sound.performance for i, sound in enumerate(heard)}
    for name in options.embeddings:
        embed = embedding(name, options.source if name == "performance" else None)
        assert embed.sample_rate == SAMPLE_RATE
        groups: dict[str, Rows] = {}
        for sound in known:
            rows, group = embed(sound.audio), sound.performance
            groups[group] = np.concatenate([groups[group], rows]) if group in groups else rows
        pieces = {f"{i}": embed(sound.audio) for i, sound in enumerate(heard)}
        distances = group_distances(pieces, groups, seed=0, shrinkage="ledoit-wolf")
        by_fad = distances.classify(targets, tops=(1,)).accuracy[1]
        by_mean = np.mean([_nearest(rows, groups) == targets[i] for i, rows in pieces.items()])
        print(f"| `{embed.name}` {embed.version} | {by_fad:.2f} | {by_mean:.2f} |", flush=True)
    return 0


def _nearest(rows: Rows, groups: Mapping[str, Rows]) -> str:
    # In units of how far single embeddings of the known recordings lie about their own mean.
    spread = np.sqrt(np.mean([np.var(known, axis=0) for known in groups.values()], axis=0))
    spread = np.maximum(spread, 1e-3 * spread.max())  # some numbers of an embedding never move
    apart = {
        name: np.linalg.norm((rows.mean(axis=0) - known.mean(axis=0)) / spread)
        for name, known in groups.items()
    }
    return min(apart, key=apart.__getitem__)


if __name__ == "__main__":
    raise SystemExit(main())
