"""Describe a data set for TensorFlow Datasets, which then reads it where it lies.

Writes dataset_info.json and features.json into DIR; after that
tfds.builder_from_directory(DIR).as_dataset(split="train") gives its songs.
"""

from __future__ import annotations

import argparse

from mt3synth.errors import UserError

HELP = "describe a data set for TensorFlow Datasets"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the data set."""
    parser.add_argument("folder", metavar="DIR", help="of a data set in the format tfrecord")


def main(args: argparse.Namespace) -> int:
    """Writes the description and prints its files."""
    from data_pipelines.filesystem import as_path
    from data_pipelines.seqio_pipeline.tfds_metadata import write_tfds_metadata

    try:
        for path in write_tfds_metadata(as_path(args.folder)):
            print(path)
    except ModuleNotFoundError as error:
        raise UserError(f"{error.name} is not installed; pip install 'mt3synth[train]'") from error
    return 0
