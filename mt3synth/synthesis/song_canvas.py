"""One song on its canvas: the windows that cover it, and what the network is told of each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from mt3synth.diffusion.prior import Prior
from mt3synth.model_spec import ModelSpec
from mt3synth.models.conditions import Conditions
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis.canvas import Windows
from mt3synth.synthesis.chunks import denoise_chunk, encode_chunk, prior_chunk
from mt3synth.synthesis.conditions import ScoreWindows
from mt3synth.synthesis.sampling import SettledSampling
from mt3synth.synthesis.shares import Shares, mix
from mt3synth.types import Array, Float, PyTree


class SongCanvas:
    """A song, or a stretch of one, as one array of frames that is denoised window by window.

    Args:
      spec, network, params: the model.
      notes: the song.
      windows: those that cover it.
      first: the frame of the song at which they begin.
      shares: whose sound it gets.
      config: how to sample.
    """

    def __init__(
        self,
        spec: ModelSpec,
        network: nn.Module,
        params: PyTree,
        notes: Notes,
        windows: Windows,
        first: int,
        shares: Shares,
        config: SettledSampling,
    ) -> None:
        self._spec, self._network, self._params = spec, network, params
        self._config = config
        self._score = ScoreWindows(notes, spec)
        # Compiled for this song's length; the network, which is the large part, is not.
        self._split, self._join = jax.jit(windows.split), jax.jit(windows.join)
        # Windows may begin before time 0, where there are no notes.
        starts = windows.starts + first
        self._chunks = [starts[i : i + config.chunk] for i in range(0, len(starts), config.chunk)]
        self._shares = [shares.within(each, spec.segment_frames) for each in self._chunks]
        self._encoded: dict[tuple[int, int], PyTree] = {}
        self.shape = (windows.canvas_frames, spec.mel.bins)

    def denoise(self, x_t: Float[Array, "L M"], time: Float[Array, ""]) -> Float[Array, "L M"]:
        """x0 of the whole canvas from ``x_t``, by way of its windows."""
        return self._join(jnp.concatenate(list(self._windows_x0(self._split(x_t), time))))

    def prior(self) -> Prior:
        """The prior of the whole canvas. Raises ValueError if the model has none."""
        deviation: Array | None = None

        def mean(number: int, performance: int) -> Array:
            nonlocal deviation
            conditions = self._conditions(number, performance)
            prior = prior_chunk(self._network, self._params, conditions)
            # The deviation is one for all frames and performances.
            deviation = prior.deviation[0] if deviation is None else deviation
            return prior.mean[: len(self._chunks[number])]

        means = [mix(shares, partial(mean, number)) for number, shares in enumerate(self._shares)]
        assert deviation is not None  # there is at least one window
        return Prior(self._join(jnp.concatenate(means)), deviation)

    def _windows_x0(self, views: Float[Array, "W T M"], time: Array) -> Iterator[Array]:
        for number, starts in enumerate(self._chunks):
            first = number * self._config.chunk
            x_t = views[first : first + len(starts)]
            # The last chunk is filled up, so that the network is compiled for one size.
            # Filled with zeros, whose results are cut off again.
            x_t = jnp.pad(x_t, ((0, self._config.chunk - len(starts)), (0, 0), (0, 0)))
            yield mix(self._shares[number], partial(self._x0, number, x_t, time))

    def _x0(self, number: int, x_t: Float[Array, "C T M"], time: Array, performance: int) -> Array:
        """x0 of the windows of chunk ``number`` in one performance."""
        x0 = denoise_chunk(
            self._network,
            self._spec.diffusion,
            self._config.guidance,
            self._params,
            self._context(number, performance),
            x_t,
            time,
        )
        return x0[: len(self._chunks[number])]

    def _context(self, number: int, performance: int) -> PyTree:
        """Chunk ``number`` encoded, once if memory allows to keep it."""
        if (number, performance) in self._encoded:
            return self._encoded[number, performance]
        conditions = self._conditions(number, performance)
        encoded = encode_chunk(self._network, self._config.guidance, self._params, conditions)
        # The first chunks are kept and the others encoded anew: evicting in turn would keep none
        # until it is asked for again.
        if (len(self._encoded) + 1) * _bytes(encoded) <= self._config.context_bytes:
            self._encoded[number, performance] = encoded
        return encoded

    def _conditions(self, number: int, performance: int) -> Conditions:
        return self._score.conditions(self._chunks[number], self._config.chunk, performance)


def _bytes(tree: PyTree) -> int:
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))
