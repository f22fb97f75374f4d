"""The context encoder: the mel frames before a segment, as vectors for a decoder to attend to.

The "continuous encoder" of Hawthorne et al. 2022 (arXiv 2206.05408): with it a song is rendered
segment by segment, each told how the one before it ended.
"""

from __future__ import annotations

from flax import linen as nn

from mt3synth.models.conditions import Conditions
from mt3synth.models.layers import linear
from mt3synth.models.position_table import Positions, terminal_positions
from mt3synth.models.remat import RematPolicy
from mt3synth.models.score_encoders import EncoderStack
from mt3synth.models.t5_config import T5Config
from mt3synth.types import Array, Bool, Float


class ContextEncoder(nn.Module):
    """Mel frames, each at its distance from the segment's start.

    The performance does not modulate them: they are it.

    Raises:
      ValueError: no context or no mask of it, more than ``context_frames``, or frames of another
        number of mel bins.
    """

    config: T5Config
    remat: RematPolicy = "none"

    @nn.compact
    def __call__(
        self, conditions: Conditions, deterministic: bool
    ) -> tuple[Float[Array, "B C D"], Bool[Array, "B C"]]:
        """The encoded context, and where there is any."""
        config, context, mask = self.config, conditions.context, conditions.context_mask
        rows = config.context_frames
        # Never guessed from the frames: silence and the time before a song look alike in them.
        if context is None or mask is None:
            raise ValueError(
                f"context_frames={rows} needs context and context_mask, and the conditions lack "
                "them; where nothing came before, the mask is False"
            )
        if not 1 <= context.shape[1] <= rows:
            raise ValueError(f"{context.shape[1]} frames of context; must be 1..{rows}")
        if context.shape[-1] != config.mel_bins:
            raise ValueError(f"context of {context.shape[-1]} mel bins; must be {config.mel_bins}")
        axes, dtype = ("mel", "embed"), config.activations
        x = linear(config.width, axes, dtype, name="context_projection")(context)
        # Counted from the segment, as a song's beginning has fewer frames before it than its
        # middle.
        positions = Positions(config.position_table, rows, config.width, name="positions")
        x = x + positions(terminal_positions(mask, rows))
        stack = EncoderStack(config, self.remat, name="stack")
        # Nor the time: the context is the same at every step, and so is encoded once.
        return stack(x, mask, None, deterministic), mask
