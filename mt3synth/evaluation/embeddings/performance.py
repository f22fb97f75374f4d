"""Embeds audio by a network trained here to tell performances apart: players, room, recording.

It was trained on the mel frames of soundfonts in synthetic rooms (`mt3synth train-embedder`), and
never heard a recording of musicians; docs/evaluation.md says how well it tells performances apart
that it has not heard. It looks at single windows of a few seconds, whatever their level.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict

from mt3synth.audio.mel import log_mel, to_network
from mt3synth.errors import UserError
from mt3synth.evaluation.embeddings.base import EmbeddingError, check_audio
from mt3synth.mel_networks import EMBEDDER, MelNetwork, read
from mt3synth.models.mel_embedder import MelEmbedder
from mt3synth.types import Array, Float, FloatND, PyTree

FRAMES, HOP_FRAMES = 128, 64
"""Of a window, as it was trained, and from one to the next."""
_BATCH = 32  # windows at a time: one shape, one compilation


@dataclass(frozen=True)
class PerformanceEmbedding:
    """Embeds windows of 128 frames, half of which the next one shares.

        PerformanceEmbedding.load()(audio)  # [N, 64], about one in 1.3 s

    An `Embedding`; attributes that are not named here are described there.

    Attributes:
      network: the trained `MelEmbedder`.
    """

    network: MelNetwork = field(repr=False)
    version: str
    name: str = "performance"

    @staticmethod
    def load(source: str | Path | None = None) -> PerformanceEmbedding:
        """Loads the weights of a run of ``train-embedder``; None takes those of this package.

        Raises:
          EmbeddingError: there are none, or they cannot be read.
        """
        try:
            if source is not None:
                return _embedding_of(read(source, EMBEDDER))
            with as_file(files("mt3synth.evaluation.embeddings") / "weights") as folder:
                return _embedding_of(read(folder, EMBEDDER))
        except UserError as error:
            raise EmbeddingError(str(error)) from error

    @property
    def sample_rate(self) -> int:
        """Returns the samples per second of the audio that it takes."""
        return self.network.spec.sample_rate

    @property
    def rate(self) -> float:
        """Returns the embeddings per second of audio."""
        return self.network.spec.frame_rate / HOP_FRAMES

    @property
    def dimension(self) -> int:
        """Returns D, the numbers in an embedding."""
        return int(self.network.config.dimension)

    def __call__(self, audio: FloatND) -> Float[np.ndarray, "N D"]:
        """Embeds all windows that fit.

        Raises:
          EmbeddingError: see `check_audio`.
        """
        spec = self.network.spec
        check_audio(audio, (FRAMES - 1) * spec.hop + spec.window, self.name, self.sample_rate)
        # Frames whose window reaches past the end would hear a silence that is not there.
        whole = 1 + (len(audio) - spec.window) // spec.hop
        frames = to_network(log_mel(audio, spec)[:whole], spec)
        windows = np.lib.stride_tricks.sliding_window_view(frames, FRAMES, axis=0)[::HOP_FRAMES]
        out = np.empty((len(windows), self.dimension), np.float32)
        embed = _compiled(self.network.config)
        for begin in range(0, len(windows), _BATCH):
            batch = np.zeros((_BATCH, FRAMES, spec.bins), np.float32)
            some = windows[begin : begin + _BATCH]
            batch[: len(some)] = some.transpose(0, 2, 1)
            out[begin : begin + _BATCH] = embed(self.network.params, batch)[: len(some)]
        return out


def _embedding_of(network: MelNetwork) -> PerformanceEmbedding:
    weights = flatten_dict(network.params, sep="/")
    digest = hashlib.sha256(b"".join(weights[name].tobytes() for name in sorted(weights)))
    return PerformanceEmbedding(network, f"1-{digest.hexdigest()[:12]}")


@lru_cache(maxsize=4)
def _compiled(config: Any) -> Any:
    network = MelEmbedder(config)

    def embed(params: PyTree, mel: Float[Array, "B T M"]) -> Float[Array, "B D"]:
        heard: Any = network.apply({"params": params}, mel)
        return heard.vector

    return jax.jit(embed)
