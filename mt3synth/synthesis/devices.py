"""Spreads the windows of a song over several devices, which work on them side by side."""

from __future__ import annotations

from typing import TypeVar

import jax
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from mt3synth.errors import UserError
from mt3synth.types import PyTree

T = TypeVar("T", bound=PyTree)


class Devices:
    """The first of the devices that there are, each of which has the parameters whole.

        devices = Devices(8)
        x0 = devices.gather(denoise(devices.copy(params), devices.spread(windows)))

    One device alone is left to do as JAX likes: nothing is placed.

    Args:
      count: of them.

    Raises:
      UserError: there are fewer.
    """

    def __init__(self, count: int) -> None:
        found = jax.devices()
        if count > len(found):
            raise UserError(f"devices={count}; must be at most {len(found)}, which JAX finds here")
        self.count = count
        self._first = found[0]
        # Auto, for with Explicit axes flax's logical constraints do not work.
        mesh = jax.make_mesh((count,), ("windows",), (AxisType.Auto,), devices=found[:count])
        self._split = NamedSharding(mesh, PartitionSpec("windows"))
        self._whole = NamedSharding(mesh, PartitionSpec())

    def check(self, windows: int) -> None:
        """Refuses a song of so few windows that a device would have none.

        Raises:
          UserError: it has fewer.
        """
        if windows < self.count:
            raise UserError(
                f"devices={self.count}, but the song has {windows} windows; give at most as many"
            )

    def copy(self, tree: T) -> T:
        """Places all of it on each device."""
        return tree if self.count == 1 else jax.device_put(tree, self._whole)

    def spread(self, tree: T) -> T:
        """Places rows of it, of which there are a multiple of the devices, on one device each."""
        return tree if self.count == 1 else jax.device_put(tree, self._split)

    def gather(self, tree: T) -> T:
        """Places all of it on the first device, where the song is put together."""
        return tree if self.count == 1 else jax.device_put(tree, self._first)
