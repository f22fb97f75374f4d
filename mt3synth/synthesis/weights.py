"""The weights with which each performance is rendered: those of all, and what it adds to them."""

from __future__ import annotations

from collections.abc import Mapping

from mt3synth.models.additions import add
from mt3synth.types import PyTree


class Weights:
    """A network's weights by performance.

        Weights(bundle.params, bundle.additions).of(3)

    Args:
      params: what all performances share.
      additions: by index of a performance, what it adds to that (`mt3synth.models.additions`).
    """

    def __init__(self, params: PyTree, additions: Mapping[int, PyTree] | None = None) -> None:
        self._params, self._additions = params, dict(additions or {})
        self._added: dict[int, PyTree] = {}

    def of(self, performance: int) -> PyTree:
        """Returns the weights of one performance: where it adds nothing, the very same arrays."""
        if performance not in self._additions:
            return self._params
        # Added up once: a song asks for them at every window and step.
        if performance not in self._added:
            self._added[performance] = add(self._params, self._additions[performance])
        return self._added[performance]
