"""A prior for mel frames from their notes, and what a denoiser reads beside it."""

from __future__ import annotations

import math
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp

from mt3synth.models.axes import partitioned
from mt3synth.models.conditions import Conditions
from mt3synth.models.note_encoder import NoteEncoder, NotePriorConfig
from mt3synth.types import Array, Float

_UNKNOWN_MEAN, _UNKNOWN_DEVIATION = -0.4, 0.45
"""About the mean and deviation of all mel frames, in the network's range: what is known of frames
whose notes are withheld, to begin with."""


class FramePrior(NamedTuple):
    """Mean and deviation of a segment's frames: the fields of `mt3synth.diffusion.prior.Prior`.

    Attributes:
      mean: ``[B, T, M]``, the network's range.
      deviation: ``[B, 1, M]``, positive.
    """

    mean: Float[Array, "B T M"]
    deviation: Float[Array, "B 1 M"]


class NotePrior(nn.Module):
    """Gives the prior of a segment's frames, and the sketch with its features to be read.

    Where the score is withheld both are learned constants, so that guidance on notes can compare
    with a network that has not seen any.

    Attributes:
      config: shape of the note encoder.
      bins: mel bins M.
    """

    config: NotePriorConfig
    bins: int

    @nn.compact
    def __call__(
        self, conditions: Conditions, performance: Float[Array, "B C"]
    ) -> tuple[FramePrior, Float[Array, "B T R"]]:
        """Prior, and M + F channels to read.

        Raises:
          ValueError: the conditions hold no notes.
        """
        if conditions.notes is None or conditions.frames is None:
            raise ValueError("the network reads a list of notes, but the conditions hold none")
        encoder = NoteEncoder(self.config, self.bins, name="note_encoder")
        sketch = encoder(conditions.notes, performance, conditions.frames)
        # The encoder has run for withheld scores, too: shapes must not depend on what is withheld.
        keep = conditions.keep_score[:, None, None]
        prior = FramePrior(
            jnp.where(keep, sketch.mean, self._constant("null_mean", _UNKNOWN_MEAN)),
            # Learned as a log, so that a deviation stays positive.
            jnp.exp(
                jnp.where(
                    keep,
                    self._constant("log_deviation", math.log(self.config.deviation)),
                    self._constant("null_log_deviation", math.log(_UNKNOWN_DEVIATION)),
                )
            ),
        )
        read = jnp.concatenate([sketch.mean, sketch.features], axis=-1)
        # A vector of its own for what is read: the sketch of silence, say, is a score that says
        # something.
        null = self.param(
            "null_score", partitioned(nn.initializers.normal(0.02), "mel"), (read.shape[-1],)
        )
        return prior, jnp.where(keep, read, null)

    def _constant(self, name: str, value: float) -> Array:
        return self.param(name, partitioned(nn.initializers.constant(value), "mel"), (self.bins,))
