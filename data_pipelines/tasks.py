"""SeqIO tasks over a folder of records. Nothing is registered until it is asked for."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from data_pipelines import preprocessors, records
from data_pipelines.runtime import tensorflow
from mt3synth.audio.mel import MelSpec
from mt3synth.errors import UserError

# Files read side by side and songs taken from each in turn: every one holds a song in memory.
_FILES_AT_ONCE, _SONGS_IN_TURN = 4, 1
_SHUFFLED_SEGMENTS = 1024


def register_tasks(
    name: str,
    data_dir: str | Path,
    mel_spec: MelSpec,
    segment_frames: int = 256,
    splits: tuple[str, ...] = records.SPLITS,
) -> str:
    """Registers ``<name>_train`` and ``<name>_eval`` with SeqIO and returns ``name``.

    Both hold all ``splits``. The first cuts each song from a random offset in every pass, the
    second from its beginning to its end. Registering a name again replaces it.

    Features of an example: ``audio`` int16 ``[S]``, ``notes`` float64 ``[n, 6]``, ``performance``
    int32 and ``start_frame`` int32 (``segments.Segment`` says what they mean), and beside them
    ``id`` and ``sample_rate``. What a network reads is made of these by a feature converter, or
    for this project's trainer by ``batches``.

    Raises:
      UserError: the folder is missing, or a split in it.
      ValueError: ``segment_frames`` below 1.
    """
    if segment_frames < 1:
        raise ValueError(f"segment_frames={segment_frames}; must be at least 1")
    shards = {split: records.find_shards(data_dir, split) for split in splits}

    import seqio

    source = seqio.TFExampleDataSource(
        split_to_filepattern={
            split: [str(path) for path in paths] for split, paths in shards.items()
        },
        feature_description=records.feature_description(),
        cycle_length=_FILES_AT_ONCE,
        block_length=_SONGS_IN_TURN,
    )
    cutters = {
        f"{name}_train": preprocessors.training_segments,
        f"{name}_eval": preprocessors.evaluation_segments,
    }
    for task_name, cut in cutters.items():
        if task_name in seqio.TaskRegistry.names():
            seqio.TaskRegistry.remove(task_name)
        seqio.TaskRegistry.add(
            task_name,
            source=source,
            preprocessors=[
                preprocessors.decode_songs,
                partial(cut, spec=mel_spec, frames=segment_frames),
            ],
            output_features=_output_features(),
            shuffle_buffer_size=_SHUFFLED_SEGMENTS,
        )
    return name


def get_task(name: str) -> Any:
    """A registered ``seqio.Task``.

    Raises:
      UserError: no task has this name.
    """
    import seqio

    if name not in seqio.TaskRegistry.names():
        known = ", ".join(sorted(seqio.TaskRegistry.names())) or "none"
        raise UserError(
            f"task {name!r} is not registered (registered: {known}); register_tasks first"
        )
    return seqio.TaskRegistry.get(name)


def _output_features() -> dict[str, Any]:
    import seqio

    tf = tensorflow()
    return {
        "audio": seqio.ContinuousFeature(dtype=tf.int16, rank=1),
        "notes": seqio.ContinuousFeature(dtype=tf.float64, rank=2),
        "start_frame": seqio.ContinuousFeature(dtype=tf.int32, rank=0),
        "performance": seqio.ContinuousFeature(dtype=tf.int32, rank=0),
    }
