"""SeqIO tasks and mixtures as NumPy batches: what ``mt3synth.training`` is fed with.

TensorFlow reads, cuts and shuffles; the arrays are made last and in NumPy, because a piano roll of
thousands of channels is a hundred times larger than its notes. So the order of the segments is
known without computing a single feature, and starting at a later batch is cheap. It also makes the
number of the batch the whole of the reader's position: a checkpoint that knows its step knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.prefetch import Prefetched
from data_pipelines.reading.schedule import CYCLE, Schedule
from data_pipelines.reading.segments import Segment
from data_pipelines.seqio_pipeline.task_reader import TaskReader
from data_pipelines.seqio_pipeline.tasks import get_task
from mt3synth.types import Batch


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
    use_cached: bool = False,
) -> Prefetched[Batch]:
    """Batches of segments from all songs mixed, without end.

    The order depends on nothing but the corpus (or its cache), ``seed``, ``shuffle_buffer`` and the
    process. In every pass each song is cut anew from a random offset, and its segments are shifted
    in pitch anew if the task says so. The corpora of a mixture have their shares by its rates in
    every 1000 segments (``mixtures.Schedule``).

    Args:
      name: as given to ``register_tasks`` or ``register_mixture``.
      features: the arrays to make; see there for shapes.
      batch_size: segments B in a batch (of this process).
      seed: of offsets, shifts and order.
      split: part of the corpus.
      start_batch: begin at this batch, as if those before it had been drawn. Whole passes cost
        no more than learning how long the songs are; the rest of one is read and shuffled but no
        feature is computed.
      shuffle_buffer: segments to draw from, of all corpora together; each takes about 170 kB.
      process_index: this process among those that train together.
      process_count: how many they are; each reads its own files.
      prefetch: batches to work ahead.
      threads: TensorFlow threads for each corpus.
      use_cached: read the offline caches of the tasks, made by ``caching`` or seqio_cache_tasks.

    Raises:
      UserError: an unknown task or split, fewer files than processes, no cache, or a split without
        songs; while iterating also what ``SegmentFeatures.batch`` raises.
      ValueError: a number out of its range.
    """
    _require_at_least(1, batch_size=batch_size, shuffle_buffer=shuffle_buffer, threads=threads)
    _require_at_least(0, seed=seed, start_batch=start_batch)
    if not 0 <= process_index < process_count:
        raise ValueError(f"process_index={process_index}; must be in 0..{process_count - 1}")
    readers, rates = _readers(f"{name}_train", split, use_cached, threads)
    shards = [reader.shard(process_index, process_count) for reader in readers]
    schedule = Schedule.of(rates, seed)

    def stream() -> Iterator[Segment]:
        start = start_batch * batch_size
        streams = [
            reader.training(
                seed=(seed, number),
                start=drawn,
                shuffle_buffer=max(1, round(shuffle_buffer * share / CYCLE)),
                shard=shard,
            )
            for number, (reader, drawn, share, shard) in enumerate(
                zip(readers, schedule.drawn_before(start), schedule.shares, shards)
            )
        ]
        return (next(streams[source]) for source in schedule.sources(start))

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
    use_cached: bool = False,
) -> Prefetched[Batch]:
    """Every segment of a split once, songs in the order of their files, each from its beginning.

    The corpora of a mixture take turns, segment by segment, until each is at its end. The last
    batch is smaller where the segments do not fill it, or left out if ``drop_remainder``. The other
    arguments and the errors are those of ``training_batches``.
    """
    _require_at_least(1, batch_size=batch_size, threads=threads)
    readers, _ = _readers(f"{name}_eval", split, use_cached, threads)

    def stream() -> Iterator[Segment]:
        return _in_turn([reader.evaluation() for reader in readers])

    return Prefetched(_batches(stream, features, batch_size, drop_remainder), prefetch)


def _readers(
    name: str, split: str, use_cached: bool, threads: int
) -> tuple[list[TaskReader], list[float]]:
    """A reader for the task, or for each of the mixture, and their rates."""
    import seqio

    found = get_task(name)
    if not isinstance(found, seqio.Mixture):
        return [TaskReader(found, split, use_cached, threads)], [1.0]
    # As in SeqIO, a mixture has the splits that any of its corpora has.
    tasks = [task for task in found.tasks if split in task.splits] or found.tasks
    readers = [TaskReader(task, split, use_cached, threads) for task in tasks]
    return readers, [found.get_rate(task) for task in tasks]


def _in_turn(streams: list[Iterator[Segment]]) -> Iterator[Segment]:
    while streams:
        for stream in list(streams):
            segment = next(stream, None)
            if segment is None:
                streams.remove(stream)
            else:
                yield segment


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


def _require_at_least(least: int, **values: int) -> None:
    for name, value in values.items():
        if value < least:
            raise ValueError(f"{name}={value}; must be at least {least}")
