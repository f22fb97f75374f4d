"""Makes the mesh of devices, and places batches on it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from mt3synth.errors import UserError
from mt3synth.types import Array

AXES = ("data", "fsdp", "tensor")
"""Every mesh has these axes, if only of size 1."""
BATCH_AXES = ("data", "fsdp")
"""The axes over which the examples of a batch are spread."""


@dataclass(frozen=True)
class MeshConfig:
    """Says how many devices lie along each axis; -1, at most once, means all that are left.

    Attributes:
      data: copies of the parameters, each with its share of the batch.
      fsdp: parameters, their average and the optimizer's state are kept spread over these, and
        the batch too (Rajbhandari et al. 2020, arXiv 1910.02054); while a step computes, each
        device has the parameters whole.
      tensor: the work within each layer is spread over these (Shoeybi et al. 2019, arXiv
        1909.08053); they see the same examples.

    Raises:
      ValueError: a size of 0 or below -1, or -1 more than once.

    Example:
      >>> make_mesh(MeshConfig(data=-1, fsdp=4))
    """

    data: int = -1
    fsdp: int = 1
    tensor: int = 1

    def __post_init__(self) -> None:
        for name, size in zip(AXES, self.sizes):
            if size == 0 or size < -1:
                raise ValueError(f"mesh axis {name}={size}; must be at least 1, or -1 for the rest")
        if self.sizes.count(-1) > 1:
            raise ValueError(f"mesh {self}: only one axis can be -1")

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Returns the sizes in the order of ``AXES``."""
        return self.data, self.fsdp, self.tensor

    def __str__(self) -> str:
        return " x ".join(f"{name}={size}" for name, size in zip(AXES, self.sizes))


def make_mesh(config: MeshConfig, devices: Sequence[jax.Device] | None = None) -> Mesh:
    """Makes the mesh of ``devices``, by default of all devices of all processes.

    Raises:
      UserError: the sizes do not multiply to the number of devices.
    """
    devices = jax.devices() if devices is None else devices
    # Every device is used: one left out would idle for the whole run without anybody noticing.
    given = math.prod(size for size in config.sizes if size != -1)
    left, over = divmod(len(devices), given)
    if over or (-1 not in config.sizes and left != 1):
        raise UserError(
            f"mesh {config} does not fit {len(devices)} devices; choose sizes whose product is "
            f"{len(devices)}, or -1 for one of them"
        )
    sizes = tuple(left if size == -1 else size for size in config.sizes)
    # Auto, for with Explicit axes flax's logical constraints do not work.
    return jax.make_mesh(sizes, AXES, axis_types=(AxisType.Auto,) * len(AXES), devices=devices)


def single_device_mesh() -> Mesh:
    """Makes the mesh of this process's first device."""
    return make_mesh(MeshConfig(), jax.local_devices()[:1])


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """Spreads examples over data and fsdp, and leaves all other axes whole."""
    # Over fsdp, too: its devices hold other parts of the parameters and compute other examples.
    return NamedSharding(mesh, PartitionSpec(BATCH_AXES))


def replicated(mesh: Mesh) -> NamedSharding:
    """Puts the same on every device."""
    return NamedSharding(mesh, PartitionSpec())


def check_batch_size(batch_size: int, mesh: Mesh, accumulation: int = 1) -> None:
    """Checks that every device gets the same number of examples in every micro-batch.

    Args:
      batch_size: examples of an update, of all processes together.
      mesh: where they go.
      accumulation: micro-batches of an update.

    Raises:
      UserError: it does not.
    """
    # Micro-batches are spread over the devices, each of them.
    shares = math.prod(mesh.shape[axis] for axis in BATCH_AXES) * accumulation
    if batch_size % shares:
        sizes = " x ".join(f"{axis}={mesh.shape[axis]}" for axis in BATCH_AXES)
        raise UserError(
            f"batch_size={batch_size} does not divide over {sizes} x accumulation={accumulation}; "
            f"choose a multiple of {shares}"
        )


def place_batch(local_batch: Mapping[str, np.ndarray], mesh: Mesh) -> dict[str, Array]:
    """Places the whole batch on the mesh, from the share that each process read.

    Args:
      local_batch: this process's examples, share number `data_share` of the batch.
      mesh: where the batch goes.
    """
    sharding = batch_sharding(mesh)
    return {
        name: jax.make_array_from_process_local_data(sharding, value)
        for name, value in local_batch.items()
    }


def data_share(mesh: Mesh, process: int | None = None) -> tuple[int, int]:
    """Tells which share of every batch a process reads, and how many shares there are.

    Processes that are joined by the tensor axis alone hold the same examples: they read the same
    share.

    Args:
      mesh: of all devices.
      process: its number; this one by default.

    Raises:
      UserError: processes hold parts of each other's examples, or the process has no device.
    """
    process = jax.process_index() if process is None else process
    # A row is the devices that work on the same examples.
    by_row = mesh.devices.reshape(-1, mesh.shape["tensor"])
    # Read off the mesh and not computed: which process has which devices is the cluster's decision.
    rows: dict[int, list[int]] = {}
    for row, devices in enumerate(by_row):
        for owner in {device.process_index for device in devices}:
            rows.setdefault(owner, []).append(row)
    shares = sorted({tuple(held) for held in rows.values()})
    if process not in rows:
        raise UserError(f"process {process} has no device in the mesh {dict(mesh.shape)}")
    # Shares must be equal and in the order of the rows, for a batch is put together from them.
    whole = [row for share in shares for row in share] == list(range(len(by_row)))
    if not whole or len({len(share) for share in shares}) > 1:
        raise UserError(
            f"mesh {dict(mesh.shape)} gives processes overlapping shares of a batch; "
            "let the tensor axis divide the devices of a process, or be a multiple of them"
        )
    return shares.index(tuple(rows[process])), len(shares)
