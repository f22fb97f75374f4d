"""Segments and batches as SeqIO's own tasks give them."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.segments import Segment
from data_pipelines.seqio_pipeline.tasks import get_task
from mt3synth.types import Batch


def task_segments(name: str, split: str, *, shuffle: bool = False, **options: Any) -> list[Segment]:
    """Reads one pass of a task, or as many segments as ``count`` says."""
    from data_pipelines.seqio_pipeline.converters import to_segment

    count = options.pop("count", None)
    dataset = get_task(name).get_dataset(
        split=split,
        shuffle=shuffle,
        num_epochs=1 if count is None else None,
        try_in_mem_cache=False,
        **({"shuffle_buffer_size": 8} if shuffle else {}),
        **options,
    )
    return [to_segment(example) for example in islice(dataset.as_numpy_iterator(), count)]


def batched(segments: list[Segment], features: SegmentFeatures, size: int) -> Iterator[Batch]:
    """Makes batches of segments, the last perhaps smaller."""
    for first in range(0, len(segments), size):
        yield features.batch(segments[first : first + size])


def joined(batches: list[Batch]) -> Batch:
    """Makes one batch of several."""
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
