"""Builds shards on this machine, one process a core."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from data_pipelines.prepare.jobs import ShardJob
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

    workers = min(workers or os.cpu_count() or 1, len(jobs))
    with tqdm(total=len(jobs), desc="preparing", unit="shard") as bar:
        if workers <= 1:
            for job in jobs:
                build_shard(job, staging)
                bar.update()
            return
        with worker_pool(workers) as pool:
            futures = [pool.submit(build_shard, job, staging) for job in jobs]
            for future in futures:
                future.add_done_callback(lambda _: bar.update())
            wait(futures, return_when=FIRST_EXCEPTION)
            try:
                for future in filter(Future.done, futures):
                    future.result()
            except BrokenProcessPool as error:
                raise UserError(
                    f"a worker was killed (too little memory for {workers} workers?); run it again "
                    "to go on"
                ) from error
