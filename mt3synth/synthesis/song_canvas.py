"""One song on its canvas: the windows that cover it, and what the network is told of each."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from mt3synth.diffusion.prior import Prior
from mt3synth.errors import is_out_of_memory
from mt3synth.model_spec import ModelSpec
from mt3synth.models.conditions import Conditions
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis.canvas import Windows
from mt3synth.synthesis.chunks import denoise_chunk, encode_chunk, prior_chunk
from mt3synth.synthesis.conditions import ScoreWindows
from mt3synth.synthesis.devices import Devices
from mt3synth.synthesis.sampling import SettledSampling
from mt3synth.synthesis.shares import Shares, mix
from mt3synth.synthesis.weights import Weights
from mt3synth.types import Array, Float, PyTree

T = TypeVar("T")
Say = Callable[[str], Any]
"""Is told in a line what did not go as it was asked for."""


class SongCanvas:
    """A song, or a stretch of one, as one array of frames that is denoised window by window.

    Args:
      spec, network, weights: the model.
      notes: the song.
      windows: those that cover it.
      first: the frame of the song at which they begin.
      shares: whose sound it gets.
      config: how to sample.
      say: is told if memory is too little for as many windows at once as ``config`` says, and the
        song goes on with fewer; by default a warning is.

    Raises:
      UserError: ``config`` asks for more devices than there are, or than there are windows.
    """

    def __init__(
        self,
        spec: ModelSpec,
        network: nn.Module,
        weights: Weights,
        notes: Notes,
        windows: Windows,
        first: int,
        shares: Shares,
        config: SettledSampling,
        say: Say | None = None,
    ) -> None:
        self._devices = Devices(config.devices)
        self._devices.check(windows.count)
        self._spec, self._network, self._weights = spec, network, weights
        self._placed: dict[int, PyTree] = {}
        self._config, self._say = config, say or _warn
        self._score = ScoreWindows(notes, spec)
        # Compiled for this song's length; the network, which is the large part, is not.
        self._split, self._join = jax.jit(windows.split), jax.jit(windows.join)
        # Windows may begin before time 0, where there are no notes.
        self._starts, self._song_shares = windows.starts + first, shares
        self._set_chunk(_windows_at_once(config))
        self.shape = (windows.canvas_frames, spec.mel.bins)

    def denoise(self, x_t: Float[Array, "L M"], time: Float[Array, ""]) -> Float[Array, "L M"]:
        """x0 of the whole canvas from ``x_t``, by way of its windows."""

        def make() -> Array:
            return self._join(jnp.concatenate(list(self._windows_x0(self._split(x_t), time))))

        return self._within_memory(make)

    def prior(self) -> Prior:
        """The prior of the whole canvas. Raises ValueError if the model has none."""
        return self._within_memory(self._make_prior)

    def _set_chunk(self, chunk: int) -> None:
        """Says how many windows are denoised at once; what was encoded is forgotten."""
        self._chunk = chunk
        firsts = range(0, len(self._starts), chunk)
        self._chunks = [self._starts[i : i + chunk] for i in firsts]
        self._shares = [
            self._song_shares.within(each, self._spec.segment_frames) for each in self._chunks
        ]
        self._encoded: dict[tuple[int, int], PyTree] = {}

    def _within_memory(self, make: Callable[[], T]) -> T:
        """Makes something of all windows, with fewer of them at once if memory runs out."""
        while True:
            try:
                # Waited for, because that is when an accelerator says that it has no memory left.
                return jax.block_until_ready(make())
            except Exception as error:
                # Always as many for each device.
                each, devices = self._chunk // self._devices.count, self._devices.count
                if not is_out_of_memory(error) or each == 1:
                    raise
                half = each // 2 * devices
                self._say(
                    f"too little memory for {self._chunk} windows at once; going on with {half}"
                )
                self._set_chunk(half)

    def _make_prior(self) -> Prior:
        deviation: Array | None = None

        def mean(number: int, performance: int) -> Array:
            nonlocal deviation
            conditions = self._conditions(number, performance)
            prior = prior_chunk(self._network, self._params(performance), conditions)
            # The deviation is one for all frames and performances.
            prior = self._devices.gather(prior)
            deviation = prior.deviation[0] if deviation is None else deviation
            return prior.mean[: len(self._chunks[number])]

        means = [mix(shares, partial(mean, number)) for number, shares in enumerate(self._shares)]
        assert deviation is not None  # there is at least one window
        return Prior(self._join(jnp.concatenate(means)), deviation)

    def _windows_x0(self, views: Float[Array, "W T M"], time: Array) -> Iterator[Array]:
        for number, starts in enumerate(self._chunks):
            first = number * self._chunk
            x_t = views[first : first + len(starts)]
            # The last chunk is filled up, so that the network is compiled for one size.
            # Filled with zeros, whose results are cut off again.
            x_t = jnp.pad(x_t, ((0, self._chunk - len(starts)), (0, 0), (0, 0)))
            yield mix(self._shares[number], partial(self._x0, number, x_t, time))

    def _x0(self, number: int, x_t: Float[Array, "C T M"], time: Array, performance: int) -> Array:
        """x0 of the windows of chunk ``number`` in one performance."""
        x0 = denoise_chunk(
            self._network,
            self._spec.diffusion,
            self._config.guidance,
            self._params(performance),
            self._context(number, performance),
            self._devices.spread(x_t),
            time,
        )
        return self._devices.gather(x0)[: len(self._chunks[number])]

    def _context(self, number: int, performance: int) -> PyTree:
        """Chunk ``number`` encoded, once if memory allows to keep it."""
        if (number, performance) in self._encoded:
            return self._encoded[number, performance]
        conditions = self._conditions(number, performance)
        encoded = encode_chunk(
            self._network, self._config.guidance, self._params(performance), conditions
        )
        # The first chunks are kept and the others encoded anew: evicting in turn would keep none
        # until it is asked for again.
        if (len(self._encoded) + 1) * _bytes(encoded) <= self._config.context_bytes:
            self._encoded[number, performance] = encoded
        return encoded

    def _params(self, performance: int) -> PyTree:
        """The weights of a performance, on each device."""
        if performance not in self._placed:
            self._placed[performance] = self._devices.copy(self._weights.of(performance))
        return self._placed[performance]

    def _conditions(self, number: int, performance: int) -> Conditions:
        conditions = self._score.conditions(self._chunks[number], self._chunk, performance)
        return self._devices.spread(conditions)


def _windows_at_once(config: SettledSampling) -> int:
    """How many windows the network denoises in one call.

    On a CPU it gains nothing by several, and the order of its sums, and so the last bits, would
    depend on their number. One at a time is the same whatever is asked for, and as in a stream.
    Of several devices each takes as many.
    """
    return config.devices * (1 if jax.default_backend() == "cpu" else config.chunk)


def _warn(line: str) -> None:
    warnings.warn(line, RuntimeWarning, stacklevel=2)


def _bytes(tree: PyTree) -> int:
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))
