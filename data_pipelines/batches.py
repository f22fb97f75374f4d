"""SeqIO tasks as iterators of NumPy batches: what ``mt3synth.training`` is fed with.

TensorFlow reads, cuts and shuffles; the arrays are made last and in NumPy, because a piano roll of
thousands of channels is a hundred times larger than its notes. So the order of the segments is
known without computing a single feature, and starting at a later batch is cheap.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import chain, count, islice
from typing import Any

import numpy as np

from data_pipelines.features import SegmentFeatures
from data_pipelines.prefetch import Prefetched
from data_pipelines.runtime import reading_options, tensorflow
from data_pipelines.segments import Segment, segment_samples, training_starts
from data_pipelines.tasks import get_task
from mt3synth.errors import UserError
from mt3synth.types import Batch

# SeqIO passes seeds to preprocessors through a global variable while it builds a dataset, which
# two streams in their own threads would take from each other.
_building = threading.Lock()


def training_batches(
    name: str,
    features: SegmentFeatures,
    batch_size: int,
    seed: int,
    *,
    split: str = "train",
    start_batch: int = 0,
    shuffle_buffer: int = 1024,
    process_index: int = 0,
    process_count: int = 1,
    prefetch: int = 2,
    threads: int = 1,
) -> Prefetched[Batch]:
    """Batches of segments from all songs mixed, without end.

    The order depends on nothing but the corpus, ``seed``, ``shuffle_buffer`` and the process. In
    every pass each song is cut anew from a random offset.

    Args:
      name: as given to ``register_tasks``.
      features: the arrays to make; see there for shapes.
      batch_size: segments B in a batch (of this process).
      seed: of offsets and order.
      split: part of the corpus.
      start_batch: begin at this batch, as if those before it had been drawn. Whole passes cost
        nothing to skip, the rest of one is read and shuffled but no feature is computed.
      shuffle_buffer: segments to draw from; each takes about 170 kB.
      process_index: this process among those that train together.
      process_count: how many they are; each reads its own files.
      prefetch: batches to work ahead.
      threads: TensorFlow threads.

    Raises:
      UserError: an unknown task or split, fewer files than processes, or a split without songs;
        while iterating also what ``SegmentFeatures.batch`` raises.
      ValueError: a number out of its range.
    """
    _require_at_least(1, batch_size=batch_size, shuffle_buffer=shuffle_buffer, threads=threads)
    _require_at_least(0, seed=seed, start_batch=start_batch)
    if not 0 <= process_index < process_count:
        raise ValueError(f"process_index={process_index}; must be in 0..{process_count - 1}")
    task = _task_with_split(f"{name}_train", split)
    shard = _shard(task, split, process_index, process_count)

    def one_pass(number: int, skipped: int = 0) -> Iterator[Segment]:
        dataset = _dataset(
            task,
            split=split,
            shuffle=True,
            shuffle_buffer_size=shuffle_buffer,
            seed=_pass_seed(seed, number),
            shard_info=shard,
        )
        return _segments(task, split, dataset.skip(skipped), features, threads)

    def stream() -> Iterator[Segment]:
        first = skipped = 0
        if start_batch:
            in_pass = _segments_in_pass(task, split, shard, features)
            first, skipped = divmod(start_batch * batch_size, in_pass)
        later = (one_pass(number) for number in count(first + 1))
        return chain(one_pass(first, skipped), chain.from_iterable(later))

    return Prefetched(_batches(stream, features, batch_size), prefetch)


def evaluation_batches(
    name: str,
    features: SegmentFeatures,
    batch_size: int,
    *,
    split: str = "validation",
    drop_remainder: bool = False,
    prefetch: int = 2,
    threads: int = 1,
) -> Prefetched[Batch]:
    """Every segment of a split once, songs in the order of their files, each from its beginning.

    The last batch is smaller where the segments do not fill it, or left out if
    ``drop_remainder``. The other arguments and the errors are those of ``training_batches``.
    """
    _require_at_least(1, batch_size=batch_size, threads=threads)
    task = _task_with_split(f"{name}_eval", split)

    def stream() -> Iterator[Segment]:
        dataset = _dataset(task, split=split, shuffle=False)
        return _segments(task, split, dataset, features, threads)

    return Prefetched(_batches(stream, features, batch_size, drop_remainder), prefetch)


def _dataset(task: Any, **arguments: Any) -> Any:
    with _building:
        return task.get_dataset(try_in_mem_cache=False, **arguments)


def _batches(
    stream: Callable[[], Iterator[Segment]],
    features: SegmentFeatures,
    batch_size: int,
    drop_remainder: bool = False,
) -> Iterator[Batch]:
    segments = stream()
    least = batch_size if drop_remainder else 1
    while len(chosen := list(islice(segments, batch_size))) >= least:
        yield features.batch(chosen)


def _segments(
    task: Any, split: str, dataset: Any, features: SegmentFeatures, threads: int
) -> Iterator[Segment]:
    expected = segment_samples(features.frames, features.mel)
    samples = dataset.element_spec["audio"].shape[0]
    if samples != expected:
        raise ValueError(
            f"{task.name} was registered for segments of {samples} samples, but {features.frames} "
            f"frames cover {expected}; register it with the same mel spec and segment_frames"
        )
    errors = tensorflow().errors
    example = None
    try:
        for example in dataset.with_options(reading_options(threads)).as_numpy_iterator():
            yield Segment(
                id=example["id"].decode(),
                start_frame=int(example["start_frame"]),
                audio=example["audio"],
                notes=example["notes"],
                sample_rate=int(example["sample_rate"]),
                performance=int(example["performance"]),
            )
    except (errors.DataLossError, errors.InvalidArgumentError) as error:
        raise UserError(
            f"{task.name}: split {split} is damaged, or no corpus of mt3synth: {error.message}; "
            "build the corpus again"
        ) from error
    if example is None:
        raise UserError(f"{task.name}: split {split} has no songs; build the corpus again")


def _segments_in_pass(task: Any, split: str, shard: Any, features: SegmentFeatures) -> int:
    """Segments of one training pass, from the songs' lengths alone."""
    songs = task.source.get_dataset(split=split, shuffle=False, shard_info=shard)
    octets = songs.map(lambda song: tensorflow().strings.length(song["audio"]))
    lengths = [features.mel.frames(int(n) // 2) for n in octets.as_numpy_iterator()]
    return sum(len(training_starts(length, features.frames, 0)) for length in lengths)


def _pass_seed(seed: int, number: int) -> int:
    """A seed for each pass, 31 bits: SeqIO counts up from it in 32."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0] >> 1)


def _task_with_split(name: str, split: str) -> Any:
    task = get_task(name)
    if split not in task.splits:
        raise UserError(f"task {name} has no split {split!r}; it has {', '.join(task.splits)}")
    return task


def _shard(task: Any, split: str, index: int, total: int) -> Any:
    """Which files this process reads; None for all."""
    if total == 1:
        return None
    import seqio

    files = len(task.source.list_shards(split))
    if files < total:
        raise UserError(
            f"{task.name}: split {split} has {files} files for {total} processes, which read whole "
            f"files each; build the corpus with at least {total} shards"
        )
    return seqio.ShardInfo(index=index, num_shards=total)


def _require_at_least(least: int, **values: int) -> None:
    for name, value in values.items():
        if value < least:
            raise ValueError(f"{name}={value}; must be at least {least}")
