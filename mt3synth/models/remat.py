"""Rematerialisation by name: what the backward pass keeps, and what it computes again."""

from __future__ import annotations

from typing import Literal, TypeVar, get_args

import jax
from flax import linen as nn

RematPolicy = Literal["none", "full", "dots_saveable", "dots_with_no_batch_dims_saveable"]
"""What a layer keeps for the backward pass.

"none": everything, the fastest. "full": its inputs only, which takes the least memory. Between them
lie two of `jax.checkpoint_policies`: "dots_saveable" keeps matrix products and convolutions too,
"dots_with_no_batch_dims_saveable" only matrix products with weights, so neither attention's nor
convolutions. The gradients are the same.
"""

_ModuleClass = TypeVar("_ModuleClass", bound=type[nn.Module])


def check_remat(policy: str) -> None:
    """Refuses the name of a policy that there is not.

    Raises:
      ValueError: ``policy`` is none of ``RematPolicy``.
    """
    if policy not in get_args(RematPolicy):
        raise ValueError(f"remat {policy!r} is unknown; choose one of {get_args(RematPolicy)}")


def rematerialised(
    layer: _ModuleClass, policy: RematPolicy, static_argnums: tuple[int, ...]
) -> _ModuleClass:
    """``layer`` with its ``__call__`` under ``policy``; names of parameters stay.

    Args:
      layer: class of the module.
      policy: what it keeps.
      static_argnums: positions of Python values among the arguments of ``__call__``, self being 0.

    Raises:
      ValueError: an unknown policy.
    """
    # Here as well as where a run begins: a network may be built by whoever likes.
    check_remat(policy)
    if policy == "none":
        return layer
    saved = "nothing_saveable" if policy == "full" else policy
    saveable = getattr(jax.checkpoint_policies, saved)
    return nn.remat(layer, policy=saveable, static_argnums=static_argnums)
