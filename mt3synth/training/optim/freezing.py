"""Freezes parameters, chosen by their paths: training leaves them as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import jax
import numpy as np
import optax
from flax.traverse_util import flatten_dict, unflatten_dict

from mt3synth.errors import UserError, nearest
from mt3synth.types import PyTree

TRAINED, FROZEN = "trained", "frozen"


@dataclass(frozen=True)
class FreezeConfig:
    """Says which parameters keep their values.

    A pattern is the path of a parameter, such as ``performance_embedding/embedding``, or of a
    module, which stands for all within; ``*``, ``?`` and ``[ab]`` are wildcards, and ``*`` goes
    across slashes.

    Attributes:
      freeze: patterns of what is frozen; none by default.
      train: patterns of what is trained all the same: ``freeze=("*",)`` and
        ``train=("performance_embedding",)`` train that module alone.

    Raises:
      ValueError: a single text instead of several.

    Example:
      >>> FreezeConfig(freeze=["*"], train=["performance_embedding"])
    """

    freeze: Sequence[str] = ()
    train: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name in ("freeze", "train"):
            given = getattr(self, name)
            if isinstance(given, str):
                raise ValueError(f"{name}={given!r}; must be a list, such as [{given!r}]")
            # What gin reads as a list is to be as hashable as the rest.
            object.__setattr__(self, name, tuple(given))


def label_parameters(params: PyTree, config: FreezeConfig) -> PyTree:
    """Labels each parameter ``TRAINED`` or ``FROZEN``.

    Args:
      params: nested dictionaries of arrays or shapes.
      config: which are frozen.

    Raises:
      UserError: a pattern that no parameter matches, or nothing is left to be trained.
    """
    paths = ["/".join(path) for path in flatten_dict(params)]
    # Exceptions are taken off afterwards, so that their order in the configuration does not matter.
    frozen = _matching(config.freeze, paths, "freeze")
    frozen -= _matching(config.train, paths, "train")
    if len(frozen) == len(paths):
        raise UserError(
            f"freeze={list(config.freeze)} leaves nothing to train; name what is trained all the "
            "same in train"
        )
    return unflatten_dict(
        {tuple(path.split("/")): FROZEN if path in frozen else TRAINED for path in paths}
    )


def freeze(
    optimizer: optax.GradientTransformation, params: PyTree, config: FreezeConfig
) -> optax.GradientTransformation:
    """Confines an optimizer to the parameters that are trained.

    Frozen parameters get no update and no weight decay, take no memory for moments, and their
    gradients do not count in the norm at which ``optimizer`` clips.

    Args:
      optimizer: of all parameters; returned as it is if nothing is frozen.
      params: their values or shapes.
      config: which are frozen.

    Raises:
      UserError: as `label_parameters`.
    """
    if not config.freeze and not config.train:
        # Not wrapped either: the checkpoints of runs that freeze nothing would look different.
        return optimizer
    return optax.partition(
        {TRAINED: optimizer, FROZEN: optax.set_to_zero()}, label_parameters(params, config)
    )


def hold_rows(
    optimizer: optax.GradientTransformation, path: tuple[str, ...], rows: Sequence[int]
) -> optax.GradientTransformation:
    """Makes an optimizer leave some rows of one parameter as they are.

    A row that no example reads has no gradient, but weight decay would shrink it.

    Args:
      optimizer: of all parameters; returned as it is if there are no rows.
      path: of the parameter, the names on the way to it.
      rows: along its first axis.
    """
    if not rows:
        return optimizer

    def hold(updates: PyTree, params: PyTree) -> PyTree:
        del params
        flat = flatten_dict(updates)
        # Updates are put to zero and not gradients, for weight decay joins only in the updates.
        flat[path] = flat[path].at[np.asarray(rows)].set(0.0)
        return unflatten_dict(flat)

    return optax.chain(optimizer, optax.stateless(hold))


def describe(params: PyTree, config: FreezeConfig) -> str:
    """Says in one line how much is frozen."""
    chosen = jax.tree.leaves(label_parameters(params, config))
    sizes = [leaf.size for leaf in jax.tree.leaves(params)]
    frozen = sum(size for size, label in zip(sizes, chosen) if label == FROZEN)
    return (
        f"{chosen.count(FROZEN)} of {len(chosen)} parameter arrays are frozen "
        f"({frozen:,} of {sum(sizes):,} numbers)"
    )


def _matching(patterns: Sequence[str], paths: Sequence[str], option: str) -> set[str]:
    """Finds the paths that any of some patterns matches, itself or by a module above it."""
    found: set[str] = set()
    for pattern in patterns:
        within = {path for path in paths if any(fnmatchcase(p, pattern) for p in _upwards(path))}
        if not within:
            names = sorted({name for path in paths for name in _upwards(path)})
            # Any hint is better than none where the names come from the network's insides.
            near = nearest(pattern, names, cutoff=0.0)
            hint = f"; the nearest is {near!r}" if near else ""
            raise UserError(f"{option}: no parameter matches {pattern!r}{hint}")
        found |= within
    return found


def _upwards(path: str) -> list[str]:
    """Lists ``a/b/c``, ``a/b`` and ``a`` for ``a/b/c``."""
    parts = path.split("/")
    return ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]
