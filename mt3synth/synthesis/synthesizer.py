"""Notes to the log-mel frames of a whole song, in one of three ways that leave no seams.

On a canvas every denoising step goes over all windows, whose overlaps are blended (Maman et al.
2023, arXiv 2309.12283). In a stream they are finished one after the other, each blended at every
step with what the one before has left in the frames that they share, so that the beginning can be
heard before the rest is made, and memory does not grow with the song. By context segments follow
each other, too, but share no frames: each is told of those before it (Hawthorne et al. 2022, arXiv
2206.05408).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mt3synth.audio.mel import from_network, to_network
from mt3synth.diffusion.prior import Prior, draw_marginal
from mt3synth.diffusion.sampler import iterate
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis.canvas import EDGE_FRAMES, Windows, cross_fade
from mt3synth.synthesis.conditions import FinishedFrames, ScoreWindows
from mt3synth.synthesis.sampling import SamplingConfig, SettledSampling
from mt3synth.synthesis.shares import Shares
from mt3synth.synthesis.song_canvas import Say, SongCanvas
from mt3synth.synthesis.song_window import SongWindow
from mt3synth.synthesis.stretches import Stretch
from mt3synth.synthesis.weights import Weights
from mt3synth.types import Array, Float, PyTree

LONGEST_CANVAS_S = 600.0
"""Seconds of a song beyond which its frames are streamed: a canvas takes memory by its length."""


class Synthesizer:
    """Renders notes with one model.

    Args:
      spec: the model.
      params: its weights.
      additions: what performances add to them, by their indices (`mt3synth.models.additions`).
    """

    def __init__(
        self, spec: ModelSpec, params: PyTree, additions: Mapping[int, PyTree] | None = None
    ) -> None:
        self.spec = spec
        self.weights = Weights(params, additions)
        self.network = spec.build()

    def mel(
        self,
        notes: Notes,
        performance: int | Shares,
        config: SamplingConfig,
        on_step: Callable[[int], Any] | None = None,
        say: Say | None = None,
    ) -> Float[np.ndarray, "T M"]:
        """The song's log-mel frames, natural log, from time 0 to the last note's end plus tail.

        Args:
          notes: the song, in seconds.
          performance: index of the performance whose sound it gets, or the shares of several.
          config: how to sample.
          on_step: called with the number of each step when it is done, 1 to `steps`.
          say: is told if memory is too little for ``config.chunk`` windows at once, and fewer are
            taken; by default a warning is.

        Raises:
          ValueError: there are no notes, no such performance, or no such continuity.
        """
        # Settled once and handed on, so that what is reported and what is done cannot differ.
        settled = self.settle(notes, config)
        if settled.continuity != "canvas":
            return np.concatenate(list(self.stream(notes, performance, settled, on_step)))
        shares = self._check(notes, performance)
        x0 = self._canvas(notes, shares, settled, on_step, say)
        return from_network(x0, self.spec.mel)

    def stream(
        self,
        notes: Notes,
        performance: int | Shares,
        config: SamplingConfig,
        on_step: Callable[[int], Any] | None = None,
    ) -> Iterator[Float[np.ndarray, "T M"]]:
        """The same frames from left to right, as soon as no later window changes them.

        What would be a canvas is a stream; arguments and errors are those of `mel`.
        """
        shares = self._check(notes, performance)
        settled = self.settle(notes, config, streamed=True)
        # Counts from the song's beginning; what lies before it is the silence at its edge.
        frames, at = self.frames(notes, settled), -self._edge(settled)
        for piece in self._left_to_right(notes, shares, settled, on_step):
            inside = piece[max(-at, 0) : max(frames - at, 0)]
            at += len(piece)
            # A window may hold nothing but the edge.
            if len(inside):
                yield from_network(inside, self.spec.mel)

    def settle(
        self, notes: Notes, config: SamplingConfig, streamed: bool = False
    ) -> SettledSampling:
        """How a song is sampled: no canvas if it is ``streamed``, or too long for one.

        Raises:
          ValueError: as `SamplingConfig.for_model`.
          UserError: a stream is to be spread over several devices.
        """
        settled = config.for_model(self.spec)
        if settled.continuity == "canvas" and (streamed or self.is_long(notes, settled)):
            if settled.devices > 1:
                raise UserError(
                    f"devices={settled.devices}, but a stream, as any song of more than "
                    f"{LONGEST_CANVAS_S:.0f} s is, makes one window after the other; leave it out"
                )
            return dataclasses.replace(settled, continuity="stream")
        return settled

    def is_long(self, notes: Notes, config: SamplingConfig) -> bool:
        """Whether a song is too long to be held in memory as a whole."""
        return self.frames(notes, config) > LONGEST_CANVAS_S * self.spec.mel.frame_rate

    def steps(self, notes: Notes, config: SamplingConfig, streamed: bool = False) -> int:
        """How many steps are reported: of the whole canvas, or of all windows together.

        Raises:
          ValueError: as `settle`.
        """
        settled = self.settle(notes, config, streamed)
        if settled.continuity == "canvas":
            return settled.steps
        return settled.steps * self._windows(notes, settled).count

    def frames(self, notes: Notes, config: SamplingConfig) -> int:
        """How many frames a song has."""
        # Rounded up: the last frame holds the end of the tail.
        return math.ceil((notes.end_time + config.tail) * self.spec.mel.frame_rate)

    def _check(self, notes: Notes, performance: int | Shares) -> Shares:
        if not len(notes):
            raise ValueError("there are no notes to render")
        shares = performance if isinstance(performance, Shares) else Shares.of(performance)
        # A network that knows no performances has one sound all the same.
        last = max(1, self.spec.network.performances) - 1
        # Here and not in the network, whose answer to an unknown index is NaN.
        for index in shares.indices:
            if not 0 <= index <= last:
                raise ValueError(f"performance {index}; the model knows 0 to {last}")
        return shares

    def _edge(self, config: SettledSampling) -> int:
        # Told that nothing came before, a network that reads a context begins a song as it should.
        return 0 if config.continuity == "context" else EDGE_FRAMES

    def _windows(self, notes: Notes, config: SettledSampling) -> Windows:
        overlap = 0 if config.continuity == "context" else config.overlap
        frames = self.frames(notes, config) + 2 * self._edge(config)
        return Windows(frames, self.spec.segment_frames, overlap)

    def _left_to_right(
        self,
        notes: Notes,
        shares: Shares,
        config: SettledSampling,
        on_step: Callable[[int], Any] | None,
    ) -> Iterator[Float[np.ndarray, "T M"]]:
        """The song and its edges, window after window, each going on from the one before.

        One window at a time, whatever ``config.chunk`` is: none can begin before the one on its
        left is done, and products of one shape alone give the same bits.
        """
        spec, guidance, windows = self.spec, config.guidance, self._windows(notes, config)
        score = ScoreWindows(notes, spec)
        told = None
        if config.continuity == "context":
            told = FinishedFrames.none(spec.network.context_frames, spec.mel.bins)
        finished: Array | None = None
        for number, start in enumerate(windows.starts - self._edge(config)):
            window = SongWindow(
                spec, self.network, self.weights, score, int(start), shares, guidance, told
            )
            prior = window.prior() if spec.has_prior else None
            if prior is not None:
                # The prior, too, goes on from what is finished, or a late start would begin with a
                # seam.
                prior = prior._replace(mean=_go_on(finished, prior.mean))

            def denoise(
                x_t: Array,
                time: Array,
                window: SongWindow = window,
                finished: Array | None = finished,
            ) -> Array:
                return _go_on(finished, window.denoise(x_t, time))

            shape = (1, spec.segment_frames, spec.mel.bins)
            x0 = self._draw(denoise, shape, prior, config, on_step, window=number)[0]
            # As NumPy, which waits for it: what is handed on is finished.
            made, finished = np.asarray(x0[: windows.hop]), x0[windows.hop :]
            yield made
            if told is not None:
                told = told.then(made)
        yield np.asarray(finished)

    def _canvas(
        self,
        notes: Notes,
        shares: Shares,
        config: SettledSampling,
        on_step: Callable[[int], Any] | None,
        say: Say | None,
    ) -> Float[np.ndarray, "T M"]:
        """The song, all windows at every step."""
        windows, edge = self._windows(notes, config), self._edge(config)
        canvas = SongCanvas(
            self.spec, self.network, self.weights, notes, windows, -edge, shares, config, say
        )
        prior = canvas.prior() if self.spec.has_prior else None
        x0 = self._draw(canvas.denoise, canvas.shape, prior, config, on_step)
        # Without the silence around it and what fills the last window.
        return np.asarray(x0[edge : edge + self.frames(notes, config)])

    def resample(
        self,
        notes: Notes,
        performance: int | Shares,
        config: SamplingConfig,
        stretch: Stretch,
        known: Float[np.ndarray, "T M"],
        on_step: Callable[[int], Any] | None = None,
        say: Say | None = None,
    ) -> Float[np.ndarray, "T M"]:
        """Samples a stretch of a song anew, blended at every step with the frames around it.

        Args:
          notes, performance, config, on_step, say: as for `mel`; steps are those of one canvas.
          stretch: what is sampled.
          known: log-mel frames of the whole song; those in the middle of the stretch do not matter.

        Returns:
          The frames of the whole song; outside the stretch they are those of ``known``.

        Raises:
          ValueError: as `mel`; or the model reads a context, by which nothing can be told of frames
            that come later.
        """
        spec, settled = self.spec, config.for_model(self.spec)
        if settled.continuity == "context":
            raise ValueError("continuity='context'; a stretch is sampled on a canvas")
        shares = self._check(notes, performance)
        windows = Windows(stretch.last - stretch.first, spec.segment_frames, settled.overlap)
        # Windows are longer than the stretch is: the rest of them is as well before as after it.
        count = windows.canvas_frames
        start = stretch.first - (count - windows.frames) // 2
        weights = jnp.asarray(stretch.weights(start, count))[:, None]
        around = np.full((count, spec.mel.bins), -1, np.float32)  # silence
        low, high = max(start, 0), min(start + count, len(known))
        around[low - start : high - start] = to_network(known[low:high], spec.mel)
        canvas = SongCanvas(
            spec, self.network, self.weights, notes, windows, start, shares, settled, say
        )

        def blend(x0: Array) -> Array:
            return weights * x0 + (1 - weights) * around

        prior = canvas.prior() if spec.has_prior else None
        if prior is not None:
            prior = prior._replace(mean=blend(prior.mean))
        x0 = self._draw(
            lambda x_t, time: blend(canvas.denoise(x_t, time)),
            canvas.shape,
            prior,
            settled,
            on_step,
            first=start + EDGE_FRAMES,
        )
        new, low, high = known.copy(), max(stretch.first, 0), min(stretch.last, len(known))
        new[low:high] = from_network(np.asarray(x0)[low - start : high - start], spec.mel)
        return new

    def _draw(
        self,
        denoise: Callable[[Array, Array], Array],
        shape: tuple[int, ...],
        prior: Prior | None,
        config: SettledSampling,
        on_step: Callable[[int], Any] | None,
        window: int | None = None,
        first: int = 0,
    ) -> Array:
        """Draws frames of a shape: those of a song, or of its window number ``window``.

        Of the noise with which a whole song begins it takes what is there from row ``first`` on, so
        that a stretch of a song begins as it did in the whole.
        Without steps the mean of the prior is drawn, which is the best guess at once.
        """
        schedule = self.spec.diffusion.schedule
        if not config.steps:
            assert prior is not None  # `SamplingConfig.for_model` refuses it otherwise
            return jnp.clip(prior.mean, -1, 1)
        key, done = jax.random.key(config.seed), 0
        if window is not None:
            # By number of the window: its noise does not depend on how much was drawn before.
            key, done = jax.random.fold_in(key, window), window * config.steps
        key_start, key_steps = jax.random.split(key)
        # Values do not depend on how many rows are drawn after them; before a song there is some
        # noise of its own.
        rows = np.arange(first, first + shape[0])
        x_t = jax.random.normal(key_start, (max(rows[-1] + 1, 0) - min(first, 0), *shape[1:]))
        x_t = x_t[rows] if first else x_t
        if prior is not None:
            scales = schedule.alpha_sigma(jnp.float32(config.start_time))
            x_t = draw_marginal(x_t, prior, *scales)
        x0 = x_t
        for number, x0 in enumerate(
            iterate(
                denoise,
                x_t,
                schedule,
                config.stepper,
                key_steps,
                steps=config.steps,
                start_time=config.start_time,
                spacing=config.spacing,
            ),
            done + 1,
        ):
            if on_step is not None:
                # JAX returns before it has computed; a step that is reported is done.
                x0.block_until_ready()
                on_step(number)
        return x0


@jax.jit
def _go_on(finished: Float[Array, "O M"] | None, x0: Float[Array, "B T M"]) -> Array:
    """A window's frames, of which the first are cross-faded with those left by the one before.

    At every step, so that the sampler sees the past as noisy as the window is, and continues it.
    """
    if finished is None:
        return x0
    count = len(finished)
    return x0.at[:, :count].set(cross_fade(finished, x0[:, :count]))
