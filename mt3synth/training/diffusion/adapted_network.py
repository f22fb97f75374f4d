"""A network in one performance, whose embedding and additions are all that is learned of it."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from mt3synth.model_spec import ModelSpec
from mt3synth.models.additions import add, fresh_additions
from mt3synth.models.conditions import Conditions
from mt3synth.models.remat import RematPolicy
from mt3synth.training.diffusion.warm_start import TABLE
from mt3synth.types import Array, PyTree

BASE, ROW, ADDITIONS = "base", "row", "additions"
"""Its parameters: those of the network, the embedding of the one performance, what it adds."""


class AdaptedNetwork(nn.Module):
    """The network of a model as `mt3synth.training.diffusion.step` trains one.

    Whichever performance a batch names, it is the one that is learned.

    Attributes:
      spec: the model.
      rank: of the additions; 0 for a performance that is an embedding alone.
      remat: as the network has it.
    """

    spec: ModelSpec
    rank: int = 0
    remat: RematPolicy = "none"

    @property
    def config(self) -> Any:
        """Returns the network's own configuration."""
        return self.spec.network

    @nn.compact
    def __call__(
        self, x_t: Array, time: Array, conditions: Conditions, deterministic: bool = True
    ) -> Array:
        """Makes the parameters, with shapes that follow from the inputs; then as the network."""
        network = self._network()
        base = self.param(BASE, lambda key: network.init(key, x_t, time, conditions)["params"])
        table = flatten_dict(base)[TABLE]
        self.param(ROW, lambda key: jnp.zeros(table.shape[1:]))
        if self.rank:
            self.param(ADDITIONS, lambda key: fresh_additions(base, self.rank, seed=0))
        made: Array = self._apply("__call__", x_t, time, conditions, deterministic)
        return made

    def encode(self, conditions: Conditions, deterministic: bool = True) -> Any:
        """Does what the network does."""
        return self._apply("encode", conditions, deterministic)

    def decode(self, x_t: Array, time: Array, context: Any, deterministic: bool = True) -> Any:
        """Does what the network does."""
        return self._apply("decode", x_t, time, context, deterministic)

    def _network(self) -> nn.Module:
        # By itself, and not as a part of this module: it is called with parameters made here.
        return self.spec.build(remat=self.remat, parent=None)

    def _apply(self, method: str, *inputs: Any) -> Any:
        held = nn.meta.unbox(self.variables["params"])
        # Without a gradient of what stays as it is, which would be most of the work.
        base = jax.lax.stop_gradient(held[BASE])
        params = whole_params(base, held[ROW], held.get(ADDITIONS))
        random = {"dropout": self.make_rng("dropout")} if self.has_rng("dropout") else None
        return self._network().apply({"params": params}, *inputs, method=method, rngs=random)


def whole_params(base: PyTree, row: Array, additions: PyTree | None) -> PyTree:
    """Returns a network's parameters as they are in one performance, whatever index it is given.

    Args:
      base: what all performances share.
      row: its embedding.
      additions: what it adds, if anything.
    """
    flat = dict(flatten_dict(base if additions is None else add(base, additions)))
    flat[TABLE] = jnp.broadcast_to(row, flat[TABLE].shape)
    return unflatten_dict(flat)


def begin_adapted(base: PyTree, row: np.ndarray, rank: int, seed: int) -> PyTree:
    """Makes the parameters before the first update, in which nothing is added yet."""
    begun = {BASE: base, ROW: np.asarray(row, np.float32)}
    return begun | ({ADDITIONS: fresh_additions(base, rank, seed)} if rank else {})
