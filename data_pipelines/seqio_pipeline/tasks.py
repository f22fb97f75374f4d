"""Registers SeqIO tasks over a folder of TFRecords, when it is asked to and not before."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from data_pipelines.filesystem import as_path
from data_pipelines.reading.segments import check_edges
from data_pipelines.seqio_pipeline import preprocessors
from data_pipelines.seqio_pipeline.tensorflow_runtime import tensorflow
from data_pipelines.shards.formats import FORMATS
from data_pipelines.shards.names import find_shards, splits_in
from data_pipelines.songs import SPLITS
from mt3synth.audio.mel import MelSpec
from mt3synth.audio.pitch_shift import MAX_SEMITONES
from mt3synth.errors import UserError

_SUFFIX = FORMATS["tfrecord"].suffix

# Files read side by side and songs taken from each in turn: every one holds a song in memory.
_FILES_AT_ONCE, _SONGS_IN_TURN = 4, 1
_SHUFFLED_SEGMENTS = 1024


def register_tasks(
    name: str,
    data_dir: str | Path,
    mel_spec: MelSpec,
    segment_frames: int = 256,
    splits: tuple[str, ...] | None = None,
    *,
    pitch_shift: int = 0,
    context_frames: int = 0,
    performances: Sequence[int] | None = None,
    edges: float = 0.0,
) -> str:
    """Registers ``<name>_train`` and ``<name>_eval`` with SeqIO and returns ``name``.

    Both hold the same splits. The first cuts each song from a random offset in every pass and
    shifts each segment in pitch, the second cuts it from its beginning to its end and shifts
    nothing. Registering a name again replaces it. Both can be cached, as songs with their notes
    decoded: see `caching`.

    Features of an example: ``audio`` int16 ``[S]``, ``notes`` float64 ``[n, 6]``, and the scalars
    ``id`` string, ``start_frame``, ``context_frames``, ``sample_rate``, ``performance`` and
    ``shift`` int32 (`reading.segments.Segment` says what they mean). What a network reads is made
    of these by `converters.SegmentFeatureConverter`.

    Args:
      name: of the two tasks.
      data_dir: the folder of TFRecord shards.
      mel_spec: the front end, whose hop is the grid of segments.
      segment_frames: length of a segment.
      splits: which splits to read; by default those that the folder has.
      pitch_shift: most semitones by which a training segment is shifted, up or down.
      context_frames: how many frames before a segment travel with it.
      performances: for each performance of the folder the index to give it, where several corpora
        are joined (see `data_pipelines.performances.join_performances`).
      edges: see `segments.training_starts`.

    Raises:
      UserError: the folder is missing, or a split in it.
      ValueError: a number out of its range.
    """
    if segment_frames < 1:
        raise ValueError(f"segment_frames={segment_frames}; must be at least 1")
    if context_frames < 0:
        raise ValueError(f"context_frames={context_frames}; must be at least 0")
    if not 0 <= pitch_shift <= MAX_SEMITONES:
        raise ValueError(f"pitch_shift={pitch_shift} semitones; must be in 0..{MAX_SEMITONES}")
    folder = as_path(data_dir)
    if splits is None:
        present = splits_in(folder, _SUFFIX)
        # Without any, the search for the first says what is missing.
        splits = tuple(split for split in SPLITS if split in present) or SPLITS[:1]
    shards = {split: find_shards(folder, split, _SUFFIX) for split in splits}

    import seqio

    source = seqio.TFExampleDataSource(
        # Patterns, in which a folder's name may look like more than it is.
        split_to_filepattern={
            split: [glob.escape(str(path)) for path in paths] for split, paths in shards.items()
        },
        feature_description=preprocessors.feature_description(),
        cycle_length=_FILES_AT_ONCE,
        block_length=_SONGS_IN_TURN,
    )
    check_edges(edges)
    cut = preprocessors.Cut(mel_spec, segment_frames, context_frames, pitch_shift, edges)
    cutters = {
        f"{name}_train": preprocessors.training_segments,
        f"{name}_eval": preprocessors.evaluation_segments,
    }
    for task_name, cutter in cutters.items():
        if task_name in seqio.TaskRegistry.names():
            seqio.TaskRegistry.remove(task_name)
        seqio.TaskRegistry.add(
            task_name,
            source=source,
            preprocessors=[
                preprocessors.decode_notes,
                # Before anything is drawn, so that a cached task draws anew in every pass, too.
                seqio.CacheDatasetPlaceholder(),
                partial(preprocessors.decode_arrays, performances=performances),
                partial(preprocessors.resample_songs, sample_rate=mel_spec.sample_rate),
                partial(cutter, cut=cut),
            ],
            output_features=_output_features(),
            shuffle_buffer_size=_SHUFFLED_SEGMENTS,
        )
    return name


def get_task(name: str) -> Any:
    """Finds a registered ``seqio.Task`` or ``seqio.Mixture``.

    Raises:
      UserError: no task and no mixture has this name.
    """
    import seqio

    for registry in (seqio.TaskRegistry, seqio.MixtureRegistry):
        if name in registry.names():
            return registry.get(name)
    names = {*seqio.TaskRegistry.names(), *seqio.MixtureRegistry.names()}
    raise UserError(
        f"task {name!r} is not registered (registered: {', '.join(sorted(names)) or 'none'}); "
        "register_tasks first"
    )


def _output_features() -> dict[str, Any]:
    import seqio

    tf = tensorflow()
    scalars = ("start_frame", "context_frames", "sample_rate", "performance", "shift")
    return {
        "id": seqio.ContinuousFeature(dtype=tf.string, rank=0),
        "audio": seqio.ContinuousFeature(dtype=tf.int16, rank=1),
        "notes": seqio.ContinuousFeature(dtype=tf.float64, rank=2),
        **{name: seqio.ContinuousFeature(dtype=tf.int32, rank=0) for name in scalars},
    }
