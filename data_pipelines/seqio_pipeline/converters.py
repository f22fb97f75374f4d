"""Turns SeqIO's examples into model features, for trainers that read through SeqIO (t5x).

This project's own trainer makes the same arrays of the same segments without SeqIO
(`data_pipelines.reading.training_batches`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import seqio

from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.segments import Segment
from data_pipelines.seqio_pipeline.tensorflow_runtime import tensorflow
from mt3synth.symbolic.note_list import COLUMNS, CURVE_COLUMNS, round_up

tf = tensorflow()

_Spec = seqio.FeatureConverter.FeatureSpec
_ARRAYS = ("audio", "notes")
_NUMBERS = ("start_frame", "context_frames", "sample_rate", "performance", "shift")
_SEGMENT = ("id", *_ARRAYS, *_NUMBERS)


class SegmentFeatureConverter(seqio.FeatureConverter):
    """Makes of each segment the arrays that `SegmentFeatures` describes, without batch axis.

    For example::

      register_tasks("piano", "data/maestro", features.mel)
      dataset = seqio.get_dataset(
          "piano_train", feature_lengths(features), "train",
          feature_converter=SegmentFeatureConverter(features), shuffle=True, batch_size=16,
      )

    Of the task's features only ``audio`` has a length to be given, and the segments decide it:
    `features.feature_lengths` says what it is. All others are read beside it.

    Args:
      features: which arrays to make, and how.
      pack: must be False; a segment is no part of a longer sequence.
      more: as `seqio.FeatureConverter` takes it.

    Raises:
      ValueError: ``pack`` is True.
    """

    TASK_FEATURES = {"audio": _Spec(dtype=tf.int16, rank=1)}  # noqa: RUF012  SeqIO's own interface
    MODEL_FEATURES: Mapping[str, Any] = {}  # set for each instance
    PACKING_FEATURE_DTYPES = None

    def __init__(self, features: SegmentFeatures, pack: bool = False, **more: Any) -> None:
        if pack:
            raise ValueError("pack=True; segments cannot be packed, set pack=False")
        if features.note_rows is None:
            raise ValueError("note_rows=None; a task's arrays have a fixed length, give one")
        self.features = features
        shapes = _shapes(features)
        self.MODEL_FEATURES = {
            name: _Spec(dtype=dtype, rank=len(shape)) for name, (dtype, shape) in shapes.items()
        }
        super().__init__(pack=False, **more)

    def get_model_feature_lengths(self, task_feature_lengths: Mapping[str, int]) -> dict[str, int]:
        """Returns the frames or tokens of each array; 1 for the performance, a scalar."""
        shapes = _shapes(self.features)
        return {name: shape[0] if shape else 1 for name, (_, shape) in shapes.items()}

    def _convert_features(self, ds: Any, task_feature_lengths: Mapping[str, int]) -> Any:
        shapes = _shapes(self.features)

        def arrays(*values: Any) -> list[np.ndarray]:
            batch = self.features.batch([to_segment(dict(zip(_SEGMENT, values)))])
            return [batch[name][0] for name in shapes]

        def convert(example: dict[str, Any]) -> dict[str, Any]:
            made = tf.numpy_function(
                arrays,
                [example[name] for name in _SEGMENT],
                [dtype for dtype, _ in shapes.values()],
                stateful=False,
            )
            return {
                name: tf.ensure_shape(array, shape)
                for (name, (_, shape)), array in zip(shapes.items(), made)
            }

        return ds.map(convert, num_parallel_calls=tf.data.AUTOTUNE)


def to_segment(example: Mapping[str, Any]) -> Segment:
    """Makes a segment of a task's example, its features as NumPy values."""
    values: dict[str, Any] = {name: example[name] for name in _ARRAYS}
    values |= {name: int(example[name]) for name in _NUMBERS}
    return Segment(example["id"].decode(), **values)


def _shapes(features: SegmentFeatures) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Returns dtype and shape of each array that ``features`` makes of one segment."""
    frames, context = features.frames, features.context_frames
    rows = round_up(features.note_rows or 0)
    columns = CURVE_COLUMNS if features.curves else COLUMNS
    tokens, bins = features.token_length, features.mel.bins
    of_name: dict[str, dict[str, tuple[Any, tuple[int, ...]]]] = {
        "mel": {"mel": (tf.float32, (frames, bins))},
        "roll": {"roll": (tf.float32, (frames, features.roll.channels if features.roll else 0))},
        "tokens": {"tokens": (tf.int32, (tokens,)), "token_times": (tf.float32, (tokens,))},
        "notes": {"notes": (tf.float32, (rows, len(columns)))},
        "context": {
            "context": (tf.float32, (context, bins)),
            "context_mask": (tf.bool, (context,)),
        },
    }
    shapes: dict[str, tuple[Any, tuple[int, ...]]] = {"performance": (tf.int32, ())}
    for name in features.names:
        shapes.update(of_name[name])
    return shapes
