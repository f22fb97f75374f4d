"""Describes a data set to TensorFlow Datasets, which then reads it where it lies.

The shards are TFRecords under TFDS's own names; with ``dataset_info.json`` and ``features.json``
in the folder, ``tfds.builder_from_directory(folder).as_dataset(split="train")`` works.
"""

from __future__ import annotations

from pathlib import Path

from data_pipelines.seqio_pipeline.tensorflow_runtime import tensorflow
from data_pipelines.shards.formats import FORMATS, format_of
from data_pipelines.shards.framing import frame_offsets
from data_pipelines.shards.names import CORPUS_FILE, find_shards, splits_in
from mt3synth.errors import UserError


def write_tfds_metadata(folder: Path) -> list[Path]:
    """Writes TFDS's description of the data set in ``folder``; returns the files.

    Raises:
      UserError: the folder holds no data set, or one in another format than TFRecords.
    """
    kind = format_of(folder)
    if kind != "tfrecord":
        raise UserError(f"{folder}: its shards are of format {kind}; TFDS reads tfrecord")
    if not (folder / CORPUS_FILE).exists():
        raise UserError(f"{folder}: is not whole ({CORPUS_FILE} is missing); build it again")
    tf = tensorflow()  # quietly, and without its hands on an accelerator
    import tensorflow_datasets as tfds

    scalar = tfds.features.Scalar
    features = {
        "id": tfds.features.Text(doc="unique in the data set"),
        "audio": scalar(tf.string, doc="int16 little-endian PCM, mono"),
        "sample_rate": scalar(tf.int64, doc="samples per second"),
        "sequence": scalar(tf.string, doc="serialized NoteSequence"),
        "performance": scalar(tf.int64, doc="index in performances.json"),
    }
    suffix = FORMATS[kind].suffix
    template = tfds.core.ShardedFileTemplate(
        data_dir=folder, template="{SPLIT}-{SHARD_X_OF_Y}.{FILEFORMAT}"
    )
    splits = []
    for split in splits_in(folder, suffix):
        shards = find_shards(folder, split, suffix)
        lengths = [sum(1 for _ in frame_offsets(shard)) for shard in shards]
        size = sum(shard.stat().st_size for shard in shards)
        splits.append(
            tfds.core.SplitInfo(
                name=split, shard_lengths=lengths, num_bytes=size, filename_template=template
            )
        )
    tfds.folder_dataset.write_metadata(
        data_dir=str(folder),
        features=tfds.features.FeaturesDict(features),
        split_infos=splits,
        filename_template=template,
        description="Recordings with their notes and performances, prepared by mt3synth.",
    )
    return [folder / "dataset_info.json", folder / "features.json"]
