"""Makes SeqIO's offline cache of a corpus by Beam.

Usage: ``python -m data_pipelines.seqio_pipeline.caching --help``.

A cached task holds its songs with their notes decoded, in the files and under the names that
``seqio_cache_tasks`` gives them, so that ``use_cached=True`` finds it in any SeqIO program. Here
every shard is read, decoded and written by one worker, song after song: however large the corpus
is, no more than a few songs are in memory. Songs are cached once, those of the split ``train`` for
the training task and the others for the task of evaluation.

``seqio_cache_tasks`` itself does as well, given a module that calls ``register_tasks``; but it
shuffles whole songs between its steps, and Beam's local runner holds all of them in memory.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.options.pipeline_options import PipelineOptions

from data_pipelines.filesystem import as_path, write_atomically, write_text
from data_pipelines.seqio_pipeline.tasks import get_task, register_tasks
from data_pipelines.seqio_pipeline.tensorflow_runtime import reading_options
from data_pipelines.shards.example import make_example
from data_pipelines.shards.framing import write_frame
from data_pipelines.songs import SPLITS
from mt3synth.audio.mel import MELGAN
from mt3synth.errors import UserError

_WHOLE = "COMPLETED"  # SeqIO takes a task as cached when this file is there


@dataclass(frozen=True)
class _Shard:
    """Names one file of a task's source, and where its cache goes."""

    task: str
    split: str
    index: int
    count: int
    path: str


def cache_tasks(
    splits: Mapping[str, Sequence[str]],
    folder: str,
    register: Callable[[], object],
    pipeline_options: Sequence[str] = (),
) -> None:
    """Caches splits of tasks in ``folder``, a cache directory of SeqIO's.

    Args:
      splits: which splits of which tasks.
      folder: a path, or the URL of a store (see `data_pipelines.filesystem`).
      register: registers the tasks; sent to the workers, so it must be picklable.
      pipeline_options: as Beam's command line takes them.

    Raises:
      UserError: a task is not registered, lacks a split, or is cached there already.
    """
    import seqio

    register()
    shards: list[_Shard] = []
    for name, wanted in splits.items():
        task, target = get_task(name), as_path(folder) / name
        if (target / _WHOLE).exists():
            raise UserError(f"{target}: holds a cache already; remove it to make it anew")
        for split in wanted:
            if split not in task.splits:
                raise UserError(f"task {name} has no split {split!r}; it has {task.splits}")
            count = len(task.source.list_shards(split))
            prefix = seqio.get_cached_tfrecord_prefix(str(target), split)
            shards += [
                _Shard(name, split, i, count, f"{prefix}-{i:05d}-of-{count:05d}")
                for i in range(count)
            ]
        target.mkdir(parents=True, exist_ok=True)

    with beam.Pipeline(options=PipelineOptions(list(pipeline_options))) as pipeline:
        _ = (
            pipeline
            | "shards" >> beam.Create(shards)
            | "spread" >> beam.Reshuffle()
            | "cache" >> beam.Map(_cache_shard, register)
            | "songs of each split" >> beam.CombinePerKey(sum)
            | "describe" >> beam.Map(_describe, folder, register)
        )
    # Last, for what it marks is whole now.
    for name in splits:
        write_text(as_path(folder) / name / _WHOLE, "")


def _cache_shard(shard: _Shard, register: Callable[[], object]) -> tuple[tuple[str, str, int], int]:
    """Writes the cache of one shard; tells of which split it is, and how many songs it has."""
    import seqio

    register()  # a worker has no tasks of its own
    info = seqio.ShardInfo(index=shard.index, num_shards=shard.count)
    dataset = _precached(shard.task, shard.split, info).with_options(reading_options(1))
    songs = 0
    with write_atomically(as_path(shard.path)) as unfinished, open(unfinished, "wb") as file:
        for song in dataset.as_numpy_iterator():
            write_frame(file, make_example(_features(song)))
            songs += 1
    return (shard.task, shard.split, shard.count), songs


def _precached(name: str, split: str, shard_info: Any = None) -> Any:
    task = get_task(name)
    songs = task.source.get_dataset(split=split, shuffle=False, shard_info=shard_info)
    return task.preprocess_precache(songs)


def _features(song: Mapping[str, Any]) -> dict[str, list[bytes] | np.ndarray]:
    return {
        name: [value] if isinstance(value, bytes) else np.atleast_1d(value)
        for name, value in song.items()
    }


def _describe(
    counted: tuple[tuple[str, str, int], int], folder: str, register: Callable[[], object]
) -> None:
    """Writes what SeqIO wants to know of a cached split."""
    import seqio

    (name, split, count), songs = counted
    register()
    features = {
        key: {"shape": spec.shape.as_list(), "dtype": spec.dtype.name}
        for key, spec in _precached(name, split).element_spec.items()
    }
    info = {"features": features, "num_shards": count, "seqio_version": seqio.__version__}
    target = str(as_path(folder) / name)
    for path, value in (
        (seqio.get_cached_info_path(target, split), info),
        (seqio.get_cached_stats_path(target, split), {"examples": songs}),
    ):
        write_text(as_path(path), json.dumps(value, indent=2, sort_keys=True) + "\n")


def splits_to_cache(name: str, splits: Iterable[str]) -> dict[str, list[str]]:
    """Assigns each split once: ``train`` to ``<name>_train``, all others to ``<name>_eval``."""
    wanted: dict[str, list[str]] = {}
    for split in splits:
        wanted.setdefault(f"{name}_train" if split == "train" else f"{name}_eval", []).append(split)
    return wanted


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; whatever option it does not know is Beam's."""
    parser = argparse.ArgumentParser(
        prog="python -m data_pipelines.seqio_pipeline.caching",
        description="Caches a corpus of TFRecords for SeqIO. Further arguments are Beam's, such as "
        "--direct_num_workers=2 --direct_running_mode=multi_processing.",
    )
    add = parser.add_argument
    add("--data", required=True, help="folder of the corpus")
    add("--task", required=True, help="name, as given to register_tasks")
    add("--output_cache_dir", required=True, help="SeqIO's cache directory")
    add("--splits", default=",".join(SPLITS), help="splits, separated by commas (%(default)s)")
    options, beams = parser.parse_known_args(arguments)
    splits = tuple(options.splits.split(","))
    # What is cached does not depend on the front end or on the length of a segment.
    register = partial(register_tasks, options.task, options.data, MELGAN, splits=splits)
    wanted = splits_to_cache(options.task, splits)
    try:
        cache_tasks(wanted, options.output_cache_dir, register, beams)
    except UserError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    # Workers find what is sent to them by the name of its module, which __main__ is not.
    from data_pipelines.seqio_pipeline import caching

    sys.exit(caching.main())
