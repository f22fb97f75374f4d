"""Muon for what is a matrix, Adam for everything else.

Muon (Jordan et al. 2024) makes the momentum of a matrix orthogonal before it is added, so that an
update moves all directions alike and not mostly the few that gradients agree on. A kernel of a
convolution is a matrix as well: from all its taps and inputs to its outputs.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from optax.contrib import MuonDimensionNumbers, scale_by_muon

from mt3synth.types import PyTree

LAST_LAYERS = ("frames_out", "spec_out_dense", "spectra", "timbre", "floor")
"""Modules that write frames, the denoiser's and the sketch's, by the names that networks give them.
Each of their columns is a mel bin with a scale of its own, which Adam keeps apart and an orthogonal
update would make equal."""

MATRIX, OTHER = "matrix", "other"

_RMS = 0.2
"""Root mean square of an update's entries, that of Adam's in practice: so both share a learning
rate and a weight decay (Liu et al. 2025, arXiv 2502.16982, section 2.2)."""


def label_matrices(params: PyTree) -> PyTree:
    """Labels each parameter ``MATRIX`` or ``OTHER``: vectors, embeddings and the last layers."""

    def label(path: tuple[Any, ...], leaf: Any) -> str:
        names = [str(getattr(key, "key", key)) for key in path]
        # A depthwise kernel, of one input, is as many short filters as it has channels.
        mixes = names[-1] == "kernel" and leaf.ndim > 1 and min(leaf.shape[-2:]) > 1
        return MATRIX if mixes and not set(names) & set(LAST_LAYERS) else OTHER

    return jax.tree.map_with_path(label, params)


def scale_by_muon_or_adam(beta: float, b2: float) -> optax.GradientTransformation:
    """Scales updates by Muon where a parameter is a matrix, and by Adam elsewhere.

    Like `optax.scale_by_adam` it gives the direction alone; decay and learning rate are for others.

    Args:
      beta: decay of the momentum.
      b2: decay of Adam's second moment.
    """

    # Resolved on the part of the parameters that Muon is handed, where the others are masked out.
    def as_matrices(params: PyTree) -> PyTree:
        return jax.tree.map(lambda leaf: _axes(leaf.ndim), params)

    matrices = optax.chain(
        scale_by_muon(beta=beta, weight_dimension_numbers=as_matrices),
        optax.stateless(lambda updates, _: jax.tree.map(_scaled, updates)),
    )
    return optax.partition({MATRIX: matrices, OTHER: optax.scale_by_adam(b2=b2)}, label_matrices)


def _axes(ndim: int) -> MuonDimensionNumbers:
    # The taps of a convolution are summed over like its inputs; outputs are the last axis.
    return MuonDimensionNumbers(reduction_axis=tuple(range(ndim - 1)), output_axis=ndim - 1)


def _scaled(update: jax.Array) -> jax.Array:
    """Brings an orthogonal update to the root mean square that Adam's have.

    Of m x n it has min(m, n) singular values of about 1, so entries of 1 / max(m, n) on the mean
    square.
    """
    outputs = update.shape[-1]
    inputs = update.size // outputs
    return _RMS * jnp.sqrt(jnp.asarray(max(inputs, outputs), update.dtype)) * update
