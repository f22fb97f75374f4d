"""Notes to the log-mel frames of a whole song, in one of two ways that leave no seams.

On a canvas every denoising step goes over all windows, whose overlaps are blended (Maman et al.
2023, arXiv 2309.12283). By context one segment after the other is finished, each told of the frames
before it (Hawthorne et al. 2022, arXiv 2206.05408).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mt3synth.audio.mel import from_network
from mt3synth.diffusion.ddim import DDIM
from mt3synth.diffusion.guidance import Guidance
from mt3synth.diffusion.process import convert
from mt3synth.diffusion.sampler import Stepper, iterate
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.model_spec import ModelSpec
from mt3synth.models.conditions import Conditions
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis.canvas import Windows
from mt3synth.synthesis.conditions import FinishedFrames, ScoreWindows
from mt3synth.types import Array, Float, Key, PyTree

Continuity = Literal["canvas", "context"]
"""How the segments of a song become one: see the top of this module."""


@dataclass(frozen=True)
class SamplingConfig:
    """How a song is drawn from the model.

    Attributes:
      steps: denoising steps.
      stepper: DDIM with eta = 1 by default, as the performance paper samples.
      guidance: weights of notes and performance; None takes those that the model names.
      seed: of all noise. The result depends on it, and not on ``chunk``.
      overlap: frames shared by neighbouring windows of a canvas.
      chunk: windows of a canvas that the network denoises at once.
      tail: seconds kept after the last note, for its ring.
      context_bytes: memory for encoded scores. Beyond it windows are encoded anew at every step,
        so that memory does not grow with the song.
      continuity: "canvas" or "context"; None takes "context" for a model that reads one and
        "canvas" for any other. A model that reads a context was trained with one nearly always,
        and on a canvas it has none.

    Raises:
      ValueError: a count below 1, a negative length, or an unknown continuity.
    """

    steps: int = 50
    stepper: Stepper = field(default_factory=DDIM)
    guidance: Guidance | None = None
    seed: int = 0
    overlap: int = 32
    chunk: int = 4
    tail: float = 2.5
    context_bytes: int = 512 * 2**20
    continuity: Continuity | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "chunk"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}; must be at least 1")
        for name in ("seed", "overlap", "tail", "context_bytes"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}={getattr(self, name)}; must be at least 0")
        if self.continuity not in (None, *get_args(Continuity)):
            raise ValueError(
                f"continuity={self.continuity!r}; must be one of {get_args(Continuity)}"
            )

    def continuity_for(self, spec: ModelSpec) -> Continuity:
        """The continuity with which a model is sampled.

        Raises:
          ValueError: it takes a context, and the model reads none.
        """
        reads = "context" in spec.features
        if self.continuity is None:
            return "context" if reads else "canvas"
        if self.continuity == "context" and not reads:
            raise ValueError(
                "continuity='context', but the model reads no frames before a segment "
                "(context_frames=0); choose 'canvas', or a model that was trained with context"
            )
        return self.continuity

    def window_seconds(self, spec: ModelSpec) -> tuple[float, float]:
        """Seconds from window to window of a song, and those that neighbours share.

        Raises:
          ValueError: as `continuity_for`.
        """
        shared = self.overlap if self.continuity_for(spec) == "canvas" else 0
        rate = spec.mel.frame_rate
        return (spec.segment_frames - shared) / rate, shared / rate


@partial(jax.jit, static_argnames=("network", "guidance"))
def encode_chunk(
    network: nn.Module, guidance: Guidance, params: PyTree, conditions: Conditions
) -> PyTree:
    """The context of C windows under every branch of the guidance, leading axis G * C."""
    branches = guidance.branches()
    size = conditions.performance.shape[0]
    tiled = jax.tree.map(lambda x: jnp.tile(x, (len(branches),) + (1,) * (x.ndim - 1)), conditions)
    tiled = tiled._replace(
        keep_score=jnp.repeat(jnp.array([b.keep_score for b in branches]), size),
        keep_performance=jnp.repeat(jnp.array([b.keep_performance for b in branches]), size),
    )
    return network.apply({"params": params}, tiled, method="encode")


@partial(jax.jit, static_argnames=("network", "diffusion", "guidance"))
def denoise_chunk(
    network: nn.Module,
    diffusion: DiffusionSpec,
    guidance: Guidance,
    params: PyTree,
    context: PyTree,
    x_t: Float[Array, "C T M"],
    time: Float[Array, ""],
) -> Float[Array, "C T M"]:
    """The guided x0 of C windows, clipped to the network's range; all branches in one call."""
    count = len(guidance.branches())
    prediction: Any = network.apply(
        {"params": params},
        jnp.tile(x_t, (count, 1, 1)),
        jnp.full(count * x_t.shape[0], time),
        context,
        method="decode",
    )
    guided = guidance.combine(prediction.reshape(count, *x_t.shape))
    alpha, sigma = diffusion.schedule.alpha_sigma(time)
    return jnp.clip(convert(guided, diffusion.prediction, x_t, alpha, sigma).x0, -1.0, 1.0)


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
        # A network that knows no performances has one sound all the same.
        last = max(1, self.spec.network.performances) - 1
        if not 0 <= performance <= last:
            raise ValueError(f"performance {performance}; the model knows 0 to {last}")
        if config.continuity_for(self.spec) == "context":
            pieces = list(self._segments(notes, performance, config, on_step))
        else:
            pieces = [self._canvas(notes, performance, config, on_step)]
        x0 = np.concatenate(pieces)[: self._frames(notes, config)]
        return from_network(x0, self.spec.mel)

    def steps(self, notes: Notes, config: SamplingConfig) -> int:
        """How many steps `mel` reports: of the whole canvas, or of all segments together.

        Raises:
          ValueError: no such continuity.
        """
        if config.continuity_for(self.spec) == "canvas":
            return config.steps
        return config.steps * self._windows(notes, config, overlap=0).count

    def _frames(self, notes: Notes, config: SamplingConfig) -> int:
        return math.ceil((notes.end_time + config.tail) * self.spec.mel.frame_rate)

    def _windows(self, notes: Notes, config: SamplingConfig, overlap: int) -> Windows:
        return Windows(self._frames(notes, config), self.spec.segment_frames, overlap)

    def _segments(
        self,
        notes: Notes,
        performance: int,
        config: SamplingConfig,
        on_step: Callable[[int], Any] | None,
    ) -> Iterator[Float[np.ndarray, "T M"]]:
        """One segment after the other, each with the finished frames before it as context."""
        spec, guidance = self.spec, config.guidance or self.spec.guidance
        score = ScoreWindows(notes, spec)
        before = FinishedFrames.none(spec.network.context_frames, spec.mel.bins)
        for number, start in enumerate(self._windows(notes, config, overlap=0).starts):
            conditions = score.conditions([int(start)], 1, performance, before)
            encoded = encode_chunk(self.network, guidance, self.params, conditions)
            denoise = partial(
                denoise_chunk, self.network, spec.diffusion, guidance, self.params, encoded
            )
            key = jax.random.fold_in(jax.random.key(config.seed), number)
            shape, done = (1, spec.segment_frames, spec.mel.bins), number * config.steps
            x0 = np.asarray(self._sampled(denoise, shape, key, config, on_step, done)[0])
            yield x0
            before = before.then(x0)

    def _canvas(
        self,
        notes: Notes,
        performance: int,
        config: SamplingConfig,
        on_step: Callable[[int], Any] | None,
    ) -> Float[np.ndarray, "L M"]:
        """The song and what fills its last window up, all windows at every step."""
        windows = self._windows(notes, config, config.overlap)
        denoise = self._canvas_denoiser(notes, performance, windows, config)
        shape = (windows.canvas_frames, self.spec.mel.bins)
        key = jax.random.key(config.seed)
        return np.asarray(self._sampled(denoise, shape, key, config, on_step))

    def _sampled(
        self,
        denoise: Callable[[Array, Array], Array],
        shape: tuple[int, ...],
        key: Key[Array, ""],
        config: SamplingConfig,
        on_step: Callable[[int], Any] | None,
        done: int = 0,
    ) -> Array:
        """What is drawn from noise of a shape, ``done`` steps having been reported before."""
        key_start, key_steps = jax.random.split(key)
        noise = jax.random.normal(key_start, shape)
        x0 = noise
        for number, x0 in enumerate(
            iterate(
                denoise,
                noise,
                self.spec.diffusion.schedule,
                config.stepper,
                key_steps,
                steps=config.steps,
            ),
            done + 1,
        ):
            if on_step is not None:
                x0.block_until_ready()
                on_step(number)
        return x0

    def _canvas_denoiser(
        self, notes: Notes, performance: int, windows: Windows, config: SamplingConfig
    ) -> Callable[[Array, Array], Array]:
        """x0 of the whole canvas from x_t, by way of its windows."""
        split, join = jax.jit(windows.split), jax.jit(windows.join)
        guidance = config.guidance or self.spec.guidance
        score = ScoreWindows(notes, self.spec)
        chunks = [
            windows.starts[i : i + config.chunk] for i in range(0, windows.count, config.chunk)
        ]
        kept: dict[int, PyTree] = {}

        def context(number: int) -> PyTree:
            if number in kept:
                return kept[number]
            conditions = score.conditions(chunks[number], config.chunk, performance)
            encoded = encode_chunk(self.network, guidance, self.params, conditions)
            if (len(kept) + 1) * _bytes(encoded) <= config.context_bytes:
                kept[number] = encoded
            return encoded

        def chunk_x0(views: Array, time: Array) -> Iterator[Array]:
            for number, starts in enumerate(chunks):
                first = number * config.chunk
                x_t = views[first : first + len(starts)]
                # The last chunk is filled up, so that the network is compiled for one size.
                x_t = jnp.pad(x_t, ((0, config.chunk - len(starts)), (0, 0), (0, 0)))
                x0 = denoise_chunk(
                    self.network,
                    self.spec.diffusion,
                    guidance,
                    self.params,
                    context(number),
                    x_t,
                    time,
                )
                yield x0[: len(starts)]

        def denoise(x_t: Array, time: Array) -> Array:
            return join(jnp.concatenate(list(chunk_x0(split(x_t), time))))

        return denoise


def _bytes(tree: PyTree) -> int:
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))
