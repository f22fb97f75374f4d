"""Builds the corpus: ``python -m data_pipelines.corpus.build --out DIR --hours 14 --seed 0``.

Reads music21's scores (through a cache), arranges, renders on every core and writes TFRecords with
``performances.json`` and ``corpus.json``. Song by song the result depends on the seed alone, not
on the number of workers. ``--hours`` counts the training set; validation (Haydn) and test (Mozart
and Beethoven) are always built. ``corpus.json`` is written last: where it is, the corpus is whole.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from data_pipelines.corpus import scores as score_files
from data_pipelines.corpus.performances import DEFAULT_FILE, Performance, read_performances
from data_pipelines.corpus.records import RecordWriter
from data_pipelines.corpus.scores import Score, Split
from data_pipelines.corpus.songs import Song, held_out_excerpts, held_out_song, train_song
from mt3synth.errors import UserError

VALIDATION_HOURS, TEST_HOURS = 0.4, 0.8
SCORE_SOURCE = {
    "what": "music21's corpus of scores, composers in the public domain",
    "licence": "the music21 authors claim no copyright in the encodings; some encodings restrict "
    "commercial use: see license.txt in music21's corpus folder",
}

_worker: dict[str, Any] = {}


def build(
    out: Path,
    hours: float,
    seed: int,
    workers: int,
    cache: Path,
    performances_file: Path = DEFAULT_FILE,
    folders: Sequence[Path] = (),
) -> dict[str, Any]:
    """Builds the whole corpus into ``out`` and returns what ``corpus.json`` says.

    Raises:
      UserError: a soundfont, FluidSynth or music21 is missing, ``hours`` or ``workers`` is not
        positive, or ``out`` holds TFRecords already.
    """
    if hours <= 0:
        raise UserError(f"--hours {hours}; must be more than 0 h")
    if workers < 1:
        raise UserError(f"--workers {workers}; must be at least 1")
    if any(out.glob("*.tfrecord")):
        raise UserError(f"--out {out} holds TFRecords already; name a new folder or empty this one")
    performances = read_performances(performances_file)
    for performance in performances:
        performance.soundfont.path(folders)
    score_files.fill_cache(cache, workers)
    scores, problems = score_files.read_cache(cache)
    groups = score_files.by_split(scores)
    out.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {"seed": seed, "splits": {}}
    with ProcessPoolExecutor(
        workers,
        mp_context=get_context("spawn"),
        initializer=_start_worker,
        initargs=(groups["train"], performances, tuple(folders)),
    ) as pool:
        sizes: dict[Split, float] = {"validation": VALIDATION_HOURS, "test": TEST_HOURS}
        for split, size in sizes.items():
            excerpts = held_out_excerpts(groups[split], 3600 * size)
            jobs = (partial(_held_out, seed, split, i, e) for i, e in enumerate(excerpts))
            songs = _in_order(pool, jobs, workers)
            report["splits"][split] = _write(out, split, songs, size, 1, performances)
        jobs = (partial(_train, seed, i) for i in count())
        shards = max(1, round(hours))
        songs = _in_order(pool, jobs, workers)
        report["splits"]["train"] = _write(out, "train", songs, hours, shards, performances)
    report["scores"] = {"read": len(scores), "problems": problems, **SCORE_SOURCE}
    report["soundfonts"] = {
        p.soundfont.file: {"package": p.soundfont.package, "licence": p.soundfont.licence}
        for p in performances
    }
    listed = [
        {"index": i, "name": p.name, "description": p.description}
        for i, p in enumerate(performances)
    ]
    (out / "performances.json").write_text(json.dumps(listed, indent=2) + "\n")
    (out / "corpus.json").write_text(json.dumps(report, indent=2) + "\n")
    return report


def _start_worker(
    scores: Sequence[Score], performances: Sequence[Performance], folders: Sequence[Path]
) -> None:
    _worker.update(scores=scores, performances=performances, folders=folders)


def _train(seed: int, index: int) -> Song:
    w = _worker
    return train_song(seed, index, w["scores"], w["performances"], w["folders"])


def _held_out(seed: int, split: Split, index: int, arrangement: Any) -> Song:
    w = _worker
    return held_out_song(seed, split, index, arrangement, w["performances"], w["folders"])


def _in_order(
    pool: ProcessPoolExecutor, jobs: Iterator[Callable[[], Song]], workers: int
) -> Iterator[Song]:
    """Results in the order of the jobs, only a few of them under way at a time."""
    pending: deque[Future[Song]] = deque()
    try:
        for job in jobs:
            pending.append(pool.submit(job))
            if len(pending) > 4 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


def _write(
    out: Path,
    split: Split,
    songs: Iterator[Song],
    hours: float,
    shards: int,
    performances: Sequence[Performance],
) -> dict[str, Any]:
    """Writes songs until they fill ``hours`` (or run out) and returns the split's statistics."""
    from tqdm import tqdm

    seconds, notes, drums = 0.0, 0, 0
    played: Counter[str] = Counter()
    velocities: list[float] = []
    bar = tqdm(total=round(hours, 2), desc=split, unit="h", bar_format="{l_bar}{bar}{r_bar}")
    with RecordWriter(out, split, shards) as writer, bar:
        for song in songs:
            writer.write(song)
            seconds += song.seconds
            notes += len(song.notes)
            drums += bool(song.notes.is_drum.any())
            velocities.append(float(song.notes.velocity.mean()))
            played[performances[song.performance].name] += 1
            bar.n = min(round(seconds / 3600, 3), bar.total)
            bar.refresh()
            if seconds >= 3600 * hours:
                break
        written = writer.count
    return {
        "songs": written,
        "hours": round(seconds / 3600, 3),
        "notes_per_second": round(notes / max(seconds, 1e-9), 2),
        "songs_with_drums": drums,
        "song_velocity_percentiles_5_50_95": np.percentile(velocities, [5, 50, 95]).round().tolist()
        if velocities
        else [],
        "songs_per_performance": dict(sorted(played.items())),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Render the training corpus.")
    parser.add_argument("--out", type=Path, required=True, help="folder for the TFRecords")
    parser.add_argument("--hours", type=float, required=True, help="hours of training audio")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--scores-cache", type=Path, help="parsed scores (default: OUT/scores)")
    parser.add_argument("--performances", type=Path, default=DEFAULT_FILE)
    parser.add_argument("--soundfonts", type=Path, action="append", default=[], metavar="DIR")
    a = parser.parse_args(argv)
    try:
        report = build(
            a.out,
            a.hours,
            a.seed,
            a.workers,
            a.scores_cache or a.out / "scores",
            a.performances,
            a.soundfonts,
        )
    except UserError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    print(json.dumps(report["splits"], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
