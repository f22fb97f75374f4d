"""One window of a song by itself, as the network denoises it in the sound of its performances."""

from __future__ import annotations

from functools import cached_property

import flax.linen as nn

from mt3synth.diffusion.guidance import Guidance
from mt3synth.diffusion.prior import Prior
from mt3synth.model_spec import ModelSpec
from mt3synth.synthesis.chunks import denoise_chunk, encode_chunk, prior_chunk
from mt3synth.synthesis.conditions import FinishedFrames, ScoreWindows
from mt3synth.synthesis.shares import Shares, mix
from mt3synth.synthesis.weights import Weights
from mt3synth.types import Array, Float, PyTree


class SongWindow:
    """A window of a song that is denoised alone.

    Args:
      spec, network, weights: the model.
      score: the song.
      start: its first frame.
      shares: whose sound the song gets.
      guidance: weights of notes and performance.
      before: what it is told of the frames before it, if the network reads them.
    """

    def __init__(
        self,
        spec: ModelSpec,
        network: nn.Module,
        weights: Weights,
        score: ScoreWindows,
        start: int,
        shares: Shares,
        guidance: Guidance,
        before: FinishedFrames | None,
    ) -> None:
        self._spec, self._network, self._weights = spec, network, weights
        self._guidance = guidance
        self._shares = shares.within([start], spec.segment_frames)
        self._conditions = {
            index: score.conditions([start], 1, index, before) for index in self._shares
        }

    def prior(self) -> Prior:
        """The prior of its frames. Raises ValueError if the model has none."""
        priors = {
            index: prior_chunk(self._network, self._weights.of(index), conditions)
            for index, conditions in self._conditions.items()
        }
        mean = mix(self._shares, lambda index: priors[index].mean)
        # The deviation is one for all performances.
        return next(iter(priors.values()))._replace(mean=mean)

    def denoise(self, x_t: Float[Array, "1 T M"], time: Float[Array, ""]) -> Float[Array, "1 T M"]:
        """x0 of its frames from ``x_t``."""

        def make(index: int) -> Array:
            return denoise_chunk(
                self._network,
                self._spec.diffusion,
                self._guidance,
                self._weights.of(index),
                self._contexts[index],
                x_t,
                time,
            )

        return mix(self._shares, make)

    @cached_property
    def _contexts(self) -> dict[int, PyTree]:
        # Once for all steps, for a window is worked on alone until it is finished; and not before
        # the first of them, for a rendering of the prior alone takes none.
        return {
            index: encode_chunk(self._network, self._guidance, self._weights.of(index), conditions)
            for index, conditions in self._conditions.items()
        }
