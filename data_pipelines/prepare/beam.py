"""Builds shards by Apache Beam: the same jobs, on a runner of the user's choice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from data_pipelines.prepare.jobs import ShardJob
from data_pipelines.prepare.shard import build_shard
from mt3synth.errors import UserError

INSTALL = "pip install 'mt3synth[beam]'"


def run_in_beam(jobs: Sequence[ShardJob], staging: Path, options: Sequence[str] = ()) -> None:
    """Runs all jobs in a pipeline and waits for it.

    Workers read recordings from and write shards to the paths as they are: on a file system that
    all of them have mounted, or in a store such as ``gs://`` (see `data_pipelines.filesystem`).

    Args:
      jobs: in any order.
      staging: where shards and reports go.
      options: of the pipeline, as on a Beam program's command line, such as
        ``--runner=DataflowRunner``; by default Beam's DirectRunner.

    Raises:
      UserError: Beam is not installed, or the pipeline failed.
    """
    try:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise UserError(f"{error.name} is not installed; {INSTALL}") from error
    try:
        with beam.Pipeline(options=PipelineOptions(list(options))) as pipeline:
            _ = (
                pipeline
                | "Jobs" >> beam.Create(list(jobs), reshuffle=True)
                | "Shards" >> beam.Map(build_shard, staging)
            )
    except Exception as error:  # runners raise what they like
        last = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise UserError(f"the Beam pipeline failed: {last}") from error
