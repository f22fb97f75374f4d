"""Renders songs of any length by the trained network, block by block."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np

from mt3synth.audio.mel import MelSpec
from mt3synth.types import Array, Bool, Float, FloatND, PyTree
from mt3synth.vocoder.files import VocoderWeights, read
from mt3synth.vocoder.frame_buffer import FrameBuffer
from mt3synth.vocoder.protocol import VocoderError, check_log_mel
from mt3synth.vocoder.vocos import Carry, Vocos, VocosConfig

_FIRST_BLOCK = 224
"""Frames of the first block where sound is wanted soon. With their context they are there after two
windows of 256 frames, and play for two seconds, in which the next block has to be made."""

_MOST_AT_ONCE = 4
"""Blocks that are finished at once, on as many cores; more would wait for the next to begin."""


class _Begun(NamedTuple):
    """A block that waits for nothing but its projections.

    Attributes:
      audio, frames, present: what `Vocos.finish_block` takes.
      inside: the samples of the block that lie in the song.
      done: which share of the frames at hand is sound after it, 0 to 1.
    """

    audio: Float[Array, "1 S2"]
    frames: Float[Array, "1 T M"]
    present: Bool[Array, "1 T"]
    inside: slice
    done: float


@dataclass(frozen=True, eq=False)
class NeuralVocoder:
    """A `Vocoder` by the trained network `Vocos`.

        vocoder = load("bundles/mine")
        audio = vocoder(log_mel)  # [T, M] to [T * hop]

    A song goes through in blocks of one shape, so that there is one compilation whatever its
    length, and memory for its samples and one block. A block sees ``config.context`` frames of what
    comes before and after it, which is all that the network can see, and what it has to know of
    earlier sound is handed on: the audio does not depend on how long the blocks are. Most of the
    work needs nothing of the block before, and on a CPU several blocks are at it at once.

    Attributes:
      spec: the frames it inverts.
      config: shape of the network.
      params: its weights, float32.
      block: frames of which audio is made at a time.
      on_block: is told after each block which share of the frames at hand is sound, 0 to 1.

    Raises:
      ValueError: a block of no frames, or a network that cannot invert such frames.
    """

    spec: MelSpec
    config: VocosConfig
    params: PyTree
    # 13 s: beside the context of 194 frames on either side little is computed twice.
    block: int = 640
    on_block: Callable[[float], Any] | None = None

    def __post_init__(self) -> None:
        if self.block < 1:
            raise ValueError(f"block={self.block} frames; must be at least 1")
        # Called for what it refuses.
        self.config.lag(self.spec)

    @staticmethod
    def of(weights: VocoderWeights) -> NeuralVocoder:
        """Makes the vocoder whose weights a bundle or a folder holds."""
        return NeuralVocoder(weights.spec, weights.config, weights.params)

    # Made once, for they keep their hash, which takes a pass through all of them.
    @cached_property
    def weights(self) -> VocoderWeights:
        """Returns what `of` takes."""
        return VocoderWeights(self.spec, self.config, self.params)

    def __call__(self, log_mel: FloatND) -> Float[np.ndarray, " S"]:
        """Renders frames ``[T, M]`` as audio float32 ``[T * hop]``.

        Raises:
          VocoderError: frames that `check_log_mel` refuses, or weights that make no finite audio.
        """
        check_log_mel(log_mel, self.spec)
        # Room for the whole song at once: parts that are joined at the end would be held twice.
        audio, made = np.empty(len(log_mel) * self.spec.hop, np.float32), 0
        for part in self.stream([log_mel]):
            audio[made : made + len(part)] = part
            made += len(part)
        return audio

    def stream(
        self, pieces: Iterable[FloatND], soon: bool = False
    ) -> Iterator[Float[np.ndarray, " S"]]:
        """Renders frames as they come; see `mt3synth.vocoder.protocol.StreamingVocoder`.

        Raises:
          VocoderError: as a call.
        """
        network = Vocos(self.config, self.spec)
        # One after the other where sound is wanted soon: the next block is not begun, nor are its
        # frames waited for, before this one is heard.
        at_once = 0 if soon else _blocks_at_once()
        waiting: deque[tuple[_Begun, Future[Float[np.ndarray, " S"]]]] = deque()
        begun = self._begin(network, pieces, soon)
        with ThreadPoolExecutor(max(1, at_once)) as cores:
            while True:
                block = next(begun, None)
                if block is not None:
                    waiting.append((block, cores.submit(self._finish, network, block)))
                while len(waiting) > (0 if block is None else at_once):
                    made, samples = waiting.popleft()
                    part = samples.result()[made.inside]
                    if len(part):
                        yield part
                    if self.on_block is not None:
                        self.on_block(made.done)
                if block is None:
                    return

    def _begin(self, network: Vocos, pieces: Iterable[FloatND], soon: bool) -> Iterator[_Begun]:
        """Does of each block what the next has to wait for."""
        hop, context, lag = (
            self.spec.hop,
            self.config.context(self.spec),
            self.config.lag(self.spec),
        )
        # Phases and unfinished sound begin as before any song.
        song, carry, start = FrameBuffer(pieces, self.spec), _start(network), 0
        block = min(_FIRST_BLOCK, self.block) if soon else self.block
        # Sound comes out `lag` frames late, so as many frames that are not present follow the song.
        while start < (total := song.reach(start + block + context)) + lag:
            # Of the same length at every block, the song's ends too, so that there is one program.
            given = map(jnp.asarray, song.cut(start - context, block + 2 * context))
            frames, present = (each[None] for each in given)
            audio, carry = _begin_block(network, self._on_device, frames, present, carry)
            # Where the song has not ended all of a block lies in it.
            # The first hops of all lie before the song, by as much as sound lags.
            inside = slice(max(lag - start, 0) * hop, (total + lag - start) * hop)
            start, block = start + block, self.block
            yield _Begun(audio, frames, present, inside, min(1.0, start / (total + lag)))

    def _finish(self, network: Vocos, block: _Begun) -> Float[np.ndarray, " S"]:
        """Does the rest of a block."""
        made = _finish_block(network, block.audio, block.frames, block.present)
        samples = np.asarray(made)[0]
        if not np.isfinite(samples).all():
            raise VocoderError("the vocoder made audio that is not finite: its weights are broken")
        return samples

    @cached_property
    def _on_device(self) -> PyTree:
        return jax.device_put(self.params)


def load(folder: str | Path) -> NeuralVocoder:
    """Loads the vocoder in a folder, its own or that of a bundle which holds one.

    Raises:
      VocoderFileError: there is none, or not one that this version can read.
    """
    return NeuralVocoder.of(read(folder))


@partial(jax.jit, static_argnums=0)
def _start(network: Vocos) -> Carry:
    return cast(Carry, network.apply({}, 1, method="start"))


@partial(jax.jit, static_argnums=0)
def _begin_block(
    network: Vocos,
    params: PyTree,
    frames: Float[Array, "1 T M"],
    present: Bool[Array, "1 T"],
    carry: Carry,
) -> tuple[Float[Array, "1 S2"], Carry]:
    begun = network.apply({"params": params}, frames, present, carry, method="begin_block")
    return cast(tuple[Array, Carry], begun)


@partial(jax.jit, static_argnums=0)
def _finish_block(
    network: Vocos,
    audio: Float[Array, "1 S2"],
    frames: Float[Array, "1 T M"],
    present: Bool[Array, "1 T"],
) -> Float[Array, "1 S"]:
    return cast(Array, network.apply({}, audio, frames, present, method="finish_block"))


def _blocks_at_once() -> int:
    """Counts the blocks to be finished at once: XLA transforms on one core of a CPU."""
    if jax.default_backend() != "cpu":
        return 1
    # Only Linux says which cores are this process's own.
    allowed = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if allowed else os.cpu_count() or 1
    return min(cores, _MOST_AT_ONCE)
