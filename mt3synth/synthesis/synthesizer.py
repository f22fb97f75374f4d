"""Notes to the log-mel frames of a whole song, in one of two ways that leave no seams.

On a canvas every denoising step goes over all windows, whose overlaps are blended (Maman et al.
2023, arXiv 2309.12283). By context one segment after the other is finished, each told of the frames
before it (Hawthorne et al. 2022, arXiv 2206.05408).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mt3synth.audio.mel import from_network
from mt3synth.diffusion.prior import Prior, draw_marginal
from mt3synth.diffusion.sampler import iterate
from mt3synth.model_spec import ModelSpec
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis.canvas import Windows
from mt3synth.synthesis.chunks import denoise_chunk, encode_chunk, prior_chunk
from mt3synth.synthesis.conditions import FinishedFrames, ScoreWindows
from mt3synth.synthesis.sampling import SamplingConfig, SettledSampling
from mt3synth.synthesis.song_canvas import SongCanvas
from mt3synth.types import Array, Float, Key, PyTree


class Synthesizer:
    """Renders notes with one model.

    Args:
      spec: the model.
      params: its weights.
    """

    def __init__(self, spec: ModelSpec, params: PyTree) -> None:
        self.spec = spec
        self.params = params
        self.network = spec.build()

    def mel(
        self,
        notes: Notes,
        performance: int,
        config: SamplingConfig,
        on_step: Callable[[int], Any] | None = None,
    ) -> Float[np.ndarray, "T M"]:
        """The song's log-mel frames, natural log, from time 0 to the last note's end plus tail.

        Args:
          notes: the song, in seconds.
          performance: index of the performance whose sound it gets.
          config: how to sample.
          on_step: called with the number of each step when it is done, 1 to `steps`.

        Raises:
          ValueError: there are no notes, no such performance, or no such continuity.
        """
        if not len(notes):
            raise ValueError("there are no notes to render")
        settled = config.for_model(self.spec)
        # A network that knows no performances has one sound all the same.
        last = max(1, self.spec.network.performances) - 1
        if not 0 <= performance <= last:
            raise ValueError(f"performance {performance}; the model knows 0 to {last}")
        if settled.continuity == "context":
            pieces = self._segments(notes, performance, settled, on_step)
            x0 = np.concatenate(list(pieces))[: self._frames(notes, config)]
        else:
            x0 = self._canvas(notes, performance, settled, on_step)
        return from_network(x0, self.spec.mel)

    def steps(self, notes: Notes, config: SamplingConfig) -> int:
        """How many steps `mel` reports: of the whole canvas, or of all segments together.

        Raises:
          ValueError: no such continuity.
        """
        settled = config.for_model(self.spec)
        if settled.continuity == "canvas":
            return settled.steps
        return settled.steps * self._segment_windows(notes, config).count

    def _frames(self, notes: Notes, config: SamplingConfig) -> int:
        return math.ceil((notes.end_time + config.tail) * self.spec.mel.frame_rate)

    def _segment_windows(self, notes: Notes, config: SamplingConfig) -> Windows:
        return Windows(self._frames(notes, config), self.spec.segment_frames, overlap=0)

    def _segments(
        self,
        notes: Notes,
        performance: int,
        config: SettledSampling,
        on_step: Callable[[int], Any] | None,
    ) -> Iterator[Float[np.ndarray, "T M"]]:
        """One segment after the other, each with the finished frames before it as context."""
        spec, guidance = self.spec, config.guidance
        score = ScoreWindows(notes, spec)
        before = FinishedFrames.none(spec.network.context_frames, spec.mel.bins)
        for number, start in enumerate(self._segment_windows(notes, config).starts):
            conditions = score.conditions([int(start)], 1, performance, before)
            encoded = encode_chunk(self.network, guidance, self.params, conditions)
            prior = None
            if spec.has_prior:
                prior = prior_chunk(self.network, self.params, conditions)
            denoise = partial(
                denoise_chunk, self.network, spec.diffusion, guidance, self.params, encoded
            )
            key = jax.random.fold_in(jax.random.key(config.seed), number)
            shape = (1, spec.segment_frames, spec.mel.bins)
            done = number * config.steps
            x0 = np.asarray(self._draw(denoise, shape, prior, key, config, on_step, done)[0])
            yield x0
            before = before.then(x0)

    def _canvas(
        self,
        notes: Notes,
        performance: int,
        config: SettledSampling,
        on_step: Callable[[int], Any] | None,
    ) -> Float[np.ndarray, "T M"]:
        """The song, all windows at every step."""
        frames = self._frames(notes, config)
        canvas = SongCanvas(
            self.spec, self.network, self.params, notes, frames, performance, config
        )
        prior = canvas.prior() if self.spec.has_prior else None
        key = jax.random.key(config.seed)
        x0 = self._draw(canvas.denoise, canvas.shape, prior, key, config, on_step)
        return np.asarray(canvas.song(x0))

    def _draw(
        self,
        denoise: Callable[[Array, Array], Array],
        shape: tuple[int, ...],
        prior: Prior | None,
        key: Key[Array, ""],
        config: SettledSampling,
        on_step: Callable[[int], Any] | None,
        done: int = 0,
    ) -> Array:
        """Draws frames of a shape, ``done`` steps having been reported before.

        Without steps the mean of the prior is drawn, which is the best guess at once.
        """
        schedule = self.spec.diffusion.schedule
        if not config.steps:
            assert prior is not None  # `SamplingConfig.for_model` refuses it otherwise
            return jnp.clip(prior.mean, -1, 1)
        key_start, key_steps = jax.random.split(key)
        x_t = jax.random.normal(key_start, shape)
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
                x0.block_until_ready()
                on_step(number)
        return x0
