"""One SeqIO task as a stream of segments that can be begun anywhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count
from typing import Any

import numpy as np

from data_pipelines.reading.segments import Segment, training_starts
from data_pipelines.seqio_pipeline.tensorflow_runtime import reading_options, tensorflow
from mt3synth.errors import UserError

# SeqIO passes seeds to preprocessors through a global variable while it builds a dataset, which
# two streams in their own threads would take from each other.
_building = threading.Lock()


@dataclass(frozen=True)
class TaskReader:
    """Reads one split of one task.

    Attributes:
      task: a ``seqio.Task`` of ``register_tasks``.
      split: part of the corpus.
      use_cached: read SeqIO's offline cache instead of the corpus.
      threads: TensorFlow threads.

    Raises:
      UserError: the task lacks the split, or it is not cached but should be.
    """

    task: Any
    split: str
    use_cached: bool = False
    threads: int = 1

    def __post_init__(self) -> None:
        if self.split not in self.task.splits:
            raise UserError(
                f"task {self.task.name} has no split {self.split!r}; it has "
                f"{', '.join(self.task.splits)}"
            )
        if self.use_cached and not self._is_cached():
            raise UserError(
                f"task {self.task.name}, split {self.split}: in no cache folder of SeqIO; cache it "
                "with `python -m data_pipelines.seqio_pipeline.caching`, or read the corpus itself"
            )

    def _is_cached(self) -> bool:
        import seqio

        folder = self.task.cache_dir
        return folder is not None and bool(
            tensorflow().io.gfile.exists(seqio.get_cached_info_path(folder, self.split))
        )

    def evaluation(self) -> Iterator[Segment]:
        """All segments once: songs in the order of their files, each from its beginning."""
        return self._segments(shuffle=False)

    def training(
        self, seed: Sequence[int], start: int, shuffle_buffer: int, shard: Any
    ) -> Iterator[Segment]:
        """Shuffled segments without end, every pass in its own order and from its own offsets.

        Args:
          seed: of order, offsets and pitch shifts.
          start: how many segments to leave out. Whole passes cost no more than learning how long
            the songs are; the rest of one is read and shuffled.
          shuffle_buffer: segments to draw from.
          shard: a ``seqio.ShardInfo``, or None.
        """

        def one_pass(number: int, skipped: int = 0) -> Iterator[Segment]:
            return self._segments(
                skipped,
                shuffle=True,
                shuffle_buffer_size=shuffle_buffer,
                seed=_pass_seed([*seed, number]),
                shard_info=shard,
            )

        first, skipped = divmod(start, self.pass_length(shard)) if start else (0, 0)
        later = (one_pass(number) for number in count(first + 1))
        return chain(one_pass(first, skipped), chain.from_iterable(later))

    def pass_length(self, shard: Any = None) -> int:
        """Segments of one training pass, from the songs' lengths alone.

        Raises:
          UserError: a file is damaged, or there are no songs.
        """
        tf = tensorflow()
        cut = self.task.preprocessors[-1].keywords["cut"]
        files = self.files if shard is None else self.files[shard.index :: shard.num_shards]
        audio = {"audio": tf.io.FixedLenFeature([], tf.string)}

        def octets(record: Any) -> Any:
            return tf.strings.length(tf.io.parse_single_example(record, audio)["audio"])

        songs = tf.data.TFRecordDataset(files).map(octets).as_numpy_iterator()
        with _naming_damage(self._about):
            lengths = [cut.spec.frames(int(n) // 2) for n in songs]
        total = sum(len(training_starts(length, cut.frames, 0)) for length in lengths)
        return total or self._no_songs()

    @cached_property
    def files(self) -> list[str]:
        """The files that hold the songs: of the corpus, or of the cache."""
        if not self.use_cached:
            return list(self.task.source.list_shards(self.split))
        import seqio

        prefix = seqio.get_cached_tfrecord_prefix(self.task.cache_dir, self.split)
        return list(seqio.utils.list_files(f"{prefix}-*-of-*"))

    def shard(self, index: int, total: int) -> Any:
        """Which files one of ``total`` processes reads; None for all.

        Raises:
          UserError: there are fewer files than processes.
        """
        if total == 1:
            return None
        import seqio

        if len(self.files) < total:
            raise UserError(
                f"{self.task.name}: split {self.split} has {len(self.files)} files for {total} "
                f"processes, which read whole files each; build the corpus with at least {total} "
                "shards"
            )
        return seqio.ShardInfo(index=index, num_shards=total)

    def _segments(self, skipped: int = 0, **arguments: Any) -> Iterator[Segment]:
        with _building:
            dataset = self.task.get_dataset(
                split=self.split,
                use_cached=self.use_cached,
                # Small corpora too would be held in memory whole.
                try_in_mem_cache=False,
                **arguments,
            )
        dataset = dataset.skip(skipped).with_options(reading_options(self.threads))
        example = None
        with _naming_damage(self._about):
            for example in dataset.as_numpy_iterator():
                yield to_segment(example)
        if example is None and not skipped:
            self._no_songs()

    def _no_songs(self) -> Any:
        raise UserError(f"{self._about} has no songs; build the corpus again")

    @property
    def _about(self) -> str:
        return f"{self.task.name}: split {self.split}"


def to_segment(example: dict[str, Any]) -> Segment:
    """A task's example, its features as NumPy values, as a segment."""
    numbers = ("start_frame", "context_frames", "sample_rate", "performance", "shift")
    return Segment(
        id=example["id"].decode(),
        audio=example["audio"],
        notes=example["notes"],
        **{name: int(example[name]) for name in numbers},
    )


@contextmanager
def _naming_damage(about: str) -> Iterator[None]:
    """Turns what TensorFlow says of a damaged file into the user's words."""
    errors = tensorflow().errors
    damage = (errors.DataLossError, errors.InvalidArgumentError)
    try:
        yield
    except damage as error:
        raise UserError(
            f"{about} is damaged, or no corpus of mt3synth: {error.message}; build the corpus again"
        ) from error


def _pass_seed(entropy: Sequence[int]) -> int:
    """A seed for each pass, 31 bits: SeqIO counts up from it in 32."""
    return int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)
