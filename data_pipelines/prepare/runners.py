"""Makes the shards of a build: in processes of this machine, or in Apache Beam."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from data_pipelines.prepare.plan import ShardJob
from data_pipelines.prepare.shard import build_shard
from data_pipelines.workers import worker_pool
from mt3synth.errors import UserError


def run_locally(jobs: Sequence[ShardJob], staging: Path, workers: int | None = None) -> None:
    """Runs all jobs in processes of this machine and waits for them.

    Args:
      jobs: in any order.
      staging: where shards and reports go.
      workers: processes; by default one a core, but no more than jobs.

    Raises:
      UserError: ``workers`` below 1, a worker was killed; or what a job raises, the
        others then stopping.
    """
    if workers is not None and workers < 1:
        raise UserError(f"{workers} workers; must be at least 1")
    from tqdm import tqdm

    if workers is not None and 0 < len(jobs) < workers:
        # A shard is what a worker makes at a time.
        there = "is 1 shard" if len(jobs) == 1 else f"are {len(jobs)} shards"
        print(
            f"{workers} workers asked for, and there {there} to make; more and shorter ones by "
            "--shard-minutes let more of them work",
            file=sys.stderr,
        )
    workers = min(workers or os.cpu_count() or 1, len(jobs))
    with tqdm(total=len(jobs), desc="preparing", unit="shard") as bar:
        if workers <= 1:  # here, where a debugger and a profiler see it
            for job in jobs:
                build_shard(job, staging)
                bar.update()
            return
        with worker_pool(workers) as pool:
            futures = [pool.submit(build_shard, job, staging) for job in jobs]
            try:
                # As they end, so that the first failure stops what has not begun.
                for future in as_completed(futures):
                    future.result()
                    bar.update()
            except BrokenProcessPool as error:
                raise UserError(
                    f"a worker was killed (too little memory for {workers} workers?); run it again "
                    "to go on"
                ) from error


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
        raise UserError(f"{error.name} is not installed; pip install 'mt3synth[beam]'") from error
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
