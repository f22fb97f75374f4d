"""Joins several processes that train together, each with devices of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from mt3synth.errors import UserError

COORDINATOR = "MT3SYNTH_COORDINATOR"
PROCESS_COUNT = "MT3SYNTH_PROCESS_COUNT"
PROCESS_INDEX = "MT3SYNTH_PROCESS_INDEX"


@dataclass(frozen=True)
class Hosts:
    """Says how a process finds the others.

    Attributes:
      coordinator: HOST:PORT at which process 0 listens.
      count: processes in all.
      index: this one's number, from 0.

    Raises:
      UserError: no such address or number.
    """

    coordinator: str
    count: int
    index: int

    def __post_init__(self) -> None:
        host, _, port = self.coordinator.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise UserError(f"coordinator {self.coordinator!r} is no HOST:PORT")
        if self.count < 1:
            raise UserError(f"{self.count} processes; must be at least 1")
        if not 0 <= self.index < self.count:
            raise UserError(f"process index {self.index}; must be in 0..{self.count - 1}")


def find_hosts(
    coordinator: str | None,
    count: int | None,
    index: int | None,
    environment: Mapping[str, str] = os.environ,
) -> Hosts | None:
    """Finds the hosts that flags name or, where a flag is not given, the environment.

    Returns:
      None where neither names any.

    Raises:
      UserError: some are named but not all, or a number is none.
    """
    # Flags win, one by one: a job's script may set the variables for all of its processes, and a
    # command by hand replace one of them.
    found = {
        COORDINATOR: environment.get(COORDINATOR) if coordinator is None else coordinator,
        PROCESS_COUNT: environment.get(PROCESS_COUNT) if count is None else str(count),
        PROCESS_INDEX: environment.get(PROCESS_INDEX) if index is None else str(index),
    }
    # An empty variable names nothing.
    given = {name: value for name, value in found.items() if value}
    if not given:
        return None
    missing = [name for name in found if name not in given]
    if missing:
        raise UserError(
            f"{' and '.join(missing)} must be set too, as {' and '.join(given)} is; or use "
            "--coordinator HOST:PORT --process-count N --process-index I"
        )
    for name in (PROCESS_COUNT, PROCESS_INDEX):
        if not given[name].isdecimal():
            raise UserError(f"{name}={given[name]!r} is no number")
    return Hosts(given[COORDINATOR], int(given[PROCESS_COUNT]), int(given[PROCESS_INDEX]))


def in_cluster(environment: Mapping[str, str] = os.environ) -> bool:
    """Tells whether the environment is that of one task of several, which JAX finds by itself.

    These are what JAX's own detection goes by: the variables of a SLURM step, of the pods of an
    indexed Kubernetes job and of a TPU pod on GKE, and the chips of a Cloud TPU virtual machine.
    What is one task alone is no cluster.
    """
    if _count(environment, "SLURM_NTASKS") > 1:
        return "SLURM_STEP_NODELIST" in environment and "SLURM_PROCID" in environment
    if "KUBERNETES_SERVICE_HOST" in environment and "JOB_COMPLETION_INDEX" in environment:
        return True
    if _count(environment, "MEGASCALE_NUM_SLICES") > 1:
        return True
    workers = environment.get("TPU_WORKER_HOSTNAMES") or environment.get("TPU_PROCESS_ADDRESSES")
    return "," in workers if workers else _on_cloud_tpu(environment)


def initialize(
    coordinator: str | None = None, count: int | None = None, index: int | None = None
) -> None:
    """Joins the other processes, if there are any; the first thing that touches JAX.

    Args:
      coordinator, count, index: see `Hosts`; None to look into the environment.

    Raises:
      UserError: the hosts are not named well, or cannot be reached.
    """
    hosts = find_hosts(coordinator, count, index)
    # One process alone must not initialize: it would wait for a coordinator that nobody is.
    if hosts is None and not in_cluster():
        return
    # Imported here: before `initialize` nothing may have touched JAX.
    import jax

    try:
        if hosts is None:
            jax.distributed.initialize()
        elif hosts.count > 1:
            jax.distributed.initialize(hosts.coordinator, hosts.count, hosts.index)
    except (RuntimeError, ValueError) as error:
        where = "the cluster that JAX detects" if hosts is None else hosts.coordinator
        reason = str(error).splitlines()[0]
        raise UserError(f"cannot join the other processes by {where}: {reason}") from error


def holds_everywhere(ok: bool) -> bool:
    """Tells whether ``ok`` holds in every process; each waits for the others here."""
    import jax

    if jax.process_count() == 1:
        return ok  # no collective, which would compile a program for nothing
    import numpy as np
    from jax.experimental import multihost_utils

    # Every process learns of every other's: one alone that gave up would leave them waiting.
    return bool(np.all(multihost_utils.process_allgather(np.array(ok))))


def _count(environment: Mapping[str, str], name: str) -> int:
    value = environment.get(name, "")
    return int(value) if value.isdecimal() else 0


def _on_cloud_tpu(environment: Mapping[str, str]) -> bool:
    """Tells whether there are TPU chips; their machine learns of its pod over the network.

    JAX looks for chips when it is imported, and sets the variable where there are none.
    """
    import jax  # noqa: F401

    return "TPU_SKIP_MDS_QUERY" not in environment and find_spec("libtpu") is not None
