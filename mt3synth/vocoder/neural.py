"""Renders songs of any length by the trained network, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, cast

import jax
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


@dataclass(frozen=True, eq=False)
class NeuralVocoder:
    """A `Vocoder` by the trained network `Vocos`.

        vocoder = load("bundles/mine")
        audio = vocoder(log_mel)  # [T, M] to [T * hop]

    A song goes through in blocks of one shape, so that there is one compilation whatever its
    length, and memory for its samples and one block. A block sees ``config.context`` frames of what
    comes before and after it, which is all that the network can see, and what it has to know of
    earlier sound is handed on: the audio does not depend on how long the blocks are.

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
        network, hop = Vocos(self.config, self.spec), self.spec.hop
        context, lag = self.config.context(self.spec), self.config.lag(self.spec)
        # Phases and unfinished sound begin as before any song.
        song, carry, start = FrameBuffer(pieces, self.spec), _start(network), 0
        block = min(_FIRST_BLOCK, self.block) if soon else self.block
        # Sound comes out `lag` frames late, so as many frames that are not present follow the song.
        while start < (total := song.reach(start + block + context)) + lag:
            # Of the same length at every block, the song's ends too, so that there is one program.
            frames, present = song.cut(start - context, block + 2 * context)
            made, carry = _block(network, self._on_device, frames[None], present[None], carry)
            samples = np.asarray(made)[0]
            if not np.isfinite(samples).all():
                raise VocoderError(
                    "the vocoder made audio that is not finite: its weights are broken"
                )
            # Where the song has not ended all of a block lies in it.
            # The first hops of all lie before the song, by as much as sound lags.
            part = samples[max(lag - start, 0) * hop : (total + lag - start) * hop]
            if len(part):
                yield part
            start, block = start + block, self.block
            if self.on_block is not None:
                self.on_block(min(1.0, start / (total + lag)))

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
def _block(
    network: Vocos,
    params: PyTree,
    frames: Float[Array, "1 T M"],
    present: Bool[Array, "1 T"],
    carry: Carry,
) -> tuple[Float[Array, "1 S"], Carry]:
    made = network.apply({"params": params}, frames, present, carry, method="render_block")
    return cast(tuple[Array, Carry], made)
