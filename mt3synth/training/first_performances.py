"""Performances for a network that knows none, in such a way that at first nothing changes."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from mt3synth.bundle import abstract_params
from mt3synth.model_spec import ModelSpec
from mt3synth.models.film import PerformanceEmbedding
from mt3synth.types import PyTree

_EMBEDDING = "performance_embedding"


def with_performances(params: PyTree, spec: ModelSpec, seed: int = 0) -> PyTree:
    """Parameters of a network without performances, grown to those of one with some.

    FiLM in the decoder goes on reading the time and begins to read the performance with zeros; new
    FiLM in the encoder begins as the identity, and a learned null score as the zeros that a masked
    one adds. So for every performance the grown network first
    gives what the given one gives, and gradients reach all that is new: the zeros at once, the
    embeddings from the second step on.

    Args:
      params: of a T5 that differs from ``spec`` in having no performances, and perhaps in masking
        withheld scores where ``spec`` has a learned null.
      spec: the model to be trained.
      seed: of the embeddings.
    """
    network: Any = spec.network
    old = flatten_dict(params)
    fresh = flatten_dict({_EMBEDDING: _embedding(network.performances, network.width, seed)})

    def begin(path: tuple[str, ...], shape: tuple[int, ...]) -> np.ndarray:
        if path in fresh:
            return np.asarray(fresh[path])
        value = np.asarray(old[path]) if path in old else np.zeros(shape, np.float32)
        if value.shape == shape:
            return value
        # The condition is the performance's, then the time's (Maman et al. 2023).
        return np.concatenate([np.zeros((shape[0] - len(value), shape[1]), value.dtype), value])

    shapes = flatten_dict(abstract_params(spec))
    return unflatten_dict({path: begin(path, leaf.shape) for path, leaf in shapes.items()})


def _embedding(performances: int, width: int, seed: int) -> PyTree:
    one = jnp.zeros(1, jnp.int32)
    drawn = PerformanceEmbedding(performances, width).init(jax.random.key(seed), one, one == 0)
    return nn.meta.unbox(drawn)["params"]
