"""Hears in mel frames who plays where: a small network that gives a vector for a few seconds.

It learns to tell the performances of a corpus apart, and which groups of instruments sound, by one
vector; what it has learned to listen for then tells performances apart that it has never heard, as
embeddings of speakers do (Snyder et al., "X-vectors: robust DNN embeddings for speaker
recognition", ICASSP 2018, whose statistics over time these are).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from mt3synth.errors import check_least
from mt3synth.models.axes import partitioned
from mt3synth.models.mel_layers import convolution, dense, norm
from mt3synth.models.note_envelopes import NoteRows
from mt3synth.types import Array, Bool, Float

SHARPNESS = 16.0
"""By which cosines become logits: they would be within -1 to 1, where no class is ever certain."""


@dataclass(frozen=True)
class MelEmbedderConfig:
    """Shape of the network.

    Attributes:
      mel_bins: M, of the frames.
      width: channels of its layers.
      stages: residual convolutions, after each of which two frames become one.
      kernel: frames under a convolution; odd.
      dimension: D, numbers of the vector.
      performances: P, that it learns to tell apart.
      groups: G, of instruments, drums among them.

    Raises:
      ValueError: a count below 1, or an even kernel.
    """

    mel_bins: int = 128
    width: int = 128
    stages: int = 4
    kernel: int = 5
    dimension: int = 64
    performances: int = 1
    groups: int = 19

    def __post_init__(self) -> None:
        check_least(
            self, mel_bins=1, width=1, stages=1, kernel=1, dimension=1, performances=1, groups=1
        )
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel={self.kernel} frames; must be odd")


class Recognised(NamedTuple):
    """What is heard in a window.

    Attributes:
      vector: the embedding.
      cosines: of the vector with that of each performance, -1 to 1.
      groups: logits of each group of instruments.
    """

    vector: Float[Array, "B D"]
    cosines: Float[Array, "B P"]
    groups: Float[Array, "B G"]


class MelEmbedder(nn.Module):
    """Embeds windows of frames.

    Attributes:
      config: shape.
    """

    config: MelEmbedderConfig

    @nn.compact
    def __call__(self, mel: Float[Array, "B T M"]) -> Recognised:
        """Embeds frames in a network's range, -1 to 1; of at least ``2 ** stages`` of them."""
        c = self.config
        h = convolution(c.width, c.kernel, "frames_in")(mel)
        for i in range(c.stages):
            h += convolution(c.width, c.kernel, f"conv_{i}")(nn.silu(norm(f"norm_{i}")(h)))
            h = nn.avg_pool(h, (2,), (2,))
        h = nn.silu(norm("norm_out")(h))
        # A little is added, for the slope of a root at 0 has no end.
        deviation = jnp.sqrt(jnp.var(h, axis=1) + 1e-5)
        pooled = norm("norm_pooled")(jnp.concatenate([jnp.mean(h, axis=1), deviation], axis=-1))
        vector = dense(c.dimension, "vector_out")(pooled)
        known = self.param(
            "performances",
            partitioned(nn.initializers.normal(1.0), "embed", "performance"),
            (c.dimension, c.performances),
        )
        return Recognised(
            vector, unit(vector) @ unit(known, axis=0), dense(c.groups, "groups_out")(vector)
        )


def unit(x: Array, axis: int = -1) -> Array:
    """Scales vectors to length 1; one of length 0 stays."""
    return x / jnp.sqrt(jnp.sum(x**2, axis=axis, keepdims=True) + 1e-12)


def sounding_groups(
    notes: Float[Array, "B N C"], begin: float, end: float, groups: int
) -> Bool[Array, "B G"]:
    """Tells which groups of instruments sound between two frames.

    Args:
      notes: rows of `mt3synth.symbolic.note_list`, times in frames.
      begin, end: in frames.
      groups: G, drums being the last.
    """
    rows = NoteRows.of(notes)
    sounds = (rows.onset < end) & (rows.offset > begin) & (rows.instrument >= 0)
    return jnp.any(sounds[..., None] & (rows.instrument[..., None] == jnp.arange(groups)), axis=1)
