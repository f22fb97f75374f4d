"""Notes to a mel canvas to audio: every denoising step over all windows of a song."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mt3synth.audio.mel import from_network
from mt3synth.canvas import Windows
from mt3synth.diffusion.ddim import DDIM
from mt3synth.diffusion.guidance import Guidance
from mt3synth.diffusion.process import convert
from mt3synth.diffusion.sampler import Stepper, iterate
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.model_spec import ModelSpec
from mt3synth.models.conditions import Conditions
from mt3synth.score import ScoreWindows
from mt3synth.symbolic.notes import Notes
from mt3synth.types import Array, Float, PyTree


@dataclass(frozen=True)
class SamplingConfig:
    """How a song is drawn from the model.

    Attributes:
      steps: denoising steps.
      stepper: DDIM with eta = 1 by default, as the performance paper samples.
      guidance: weights of notes and performance; None takes those that the model names.
      seed: of all noise. The result depends on it, and not on ``chunk``.
      overlap: frames shared by neighbouring windows.
      chunk: windows that the network denoises at once.
      tail: seconds kept after the last note, for its ring.
      context_bytes: memory for encoded scores. Beyond it windows are encoded anew at every step,
        so that memory does not grow with the song.

    Raises:
      ValueError: a count below 1 or a negative length.
    """

    steps: int = 50
    stepper: Stepper = field(default_factory=DDIM)
    guidance: Guidance | None = None
    seed: int = 0
    overlap: int = 32
    chunk: int = 4
    tail: float = 2.5
    context_bytes: int = 512 * 2**20

    def __post_init__(self) -> None:
        for name in ("steps", "chunk"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}; must be at least 1")
        for name in ("seed", "overlap", "tail", "context_bytes"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}={getattr(self, name)}; must be at least 0")


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
          on_step: called with the number of each step when it is done.

        Raises:
          ValueError: there are no notes, or no such performance.
        """
        if not len(notes):
            raise ValueError("there are no notes to render")
        if not 0 <= performance < self.spec.network.performances:
            raise ValueError(
                f"performance {performance}; the model knows 0 to "
                f"{self.spec.network.performances - 1}"
            )
        frames = math.ceil((notes.end_time + config.tail) * self.spec.mel.frame_rate)
        windows = Windows(frames, self.spec.window, config.overlap)
        denoise = self._canvas_denoiser(notes, performance, windows, config)

        key_start, key_steps = jax.random.split(jax.random.key(config.seed))
        noise = jax.random.normal(key_start, (windows.canvas_frames, self.spec.mel.bins))
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
            1,
        ):
            if on_step is not None:
                x0.block_until_ready()
                on_step(number)
        return from_network(np.asarray(x0[:frames]), self.spec.mel)

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
