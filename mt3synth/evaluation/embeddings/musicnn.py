"""Embeds audio by musicnn, a network that tags music: run in JAX with its trained weights.

Pons and Serra, "musicnn: Pre-trained convolutional neural networks for music audio tagging", 2019,
and Pons et al., "End-to-end Learning for Music Audio Tagging at Scale", ISMIR 2018. The weights are
those of the package's ``MSD_musicnn``, trained on the Million Song Dataset. The embedding is its
last hidden layer ("penultimate" there): 200 numbers from which 50 tags (genre, mood, era, voice,
instrument) can be read linearly, against 1506 in the pooled layer before it, for whose covariance
hardly any set of recordings is large enough.

It hears windows of 3 s, one about every second, as the package's extractor does for
``input_overlap=1``.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from mt3synth.evaluation.embeddings import musicnn_setup
from mt3synth.evaluation.embeddings.base import EmbeddingError, check_audio
from mt3synth.evaluation.embeddings.musicnn_mel import BINS, HOP, SAMPLE_RATE, musicnn_mel
from mt3synth.types import Array, Float, FloatND

WINDOW, WINDOW_HOP = 187, 61  # frames: 3 s and 1 s as the package rounds them
_BATCH = 8  # windows at once; memory stays small however long the audio is
_EPSILON = 1e-3  # of TensorFlow's batch normalisation
# Filters with their padding: timbral ones, of 7 frames by many bins, whose strongest pitch counts;
# then temporal ones, of 128, 64 and 32 frames by one bin, whose strongest bin does.
_FRONT: dict[str, str | list[tuple[int, int]]] = {
    "conv2d": [(3, 3), (0, 0)],
    "conv2d_1": [(3, 3), (0, 0)],
    "conv2d_2": "SAME",
    "conv2d_3": "SAME",
    "conv2d_4": "SAME",
}
_MIDDLE = ("conv2d_5", "conv2d_6", "conv2d_7")

Weights = Mapping[str, Float[Array, "..."]]


@dataclass(frozen=True, eq=False)
class Musicnn:
    """Embeds audio in 200 dimensions, 1.02 times a second.

        Musicnn.load()(audio)  # [N, 200]

    An `Embedding`; attributes that are not named here are described there.

    Attributes:
      weights: the checkpoint's variables by their names there.
      version: of this module and of the weights.
    """

    weights: Weights = field(repr=False)
    version: str
    name: str = "musicnn"
    sample_rate: int = SAMPLE_RATE
    rate: float = SAMPLE_RATE / (HOP * WINDOW_HOP)
    dimension: int = 200

    @staticmethod
    def load(source: str | os.PathLike[str] | None = None) -> Musicnn:
        """Loads the weights that `musicnn_setup.setup` put in a folder; None is its default one.

        Raises:
          EmbeddingError: they are not there, saying how to get them; or damaged.
        """
        folder = musicnn_setup.folder() if source is None else Path(source)
        path = folder / musicnn_setup.WEIGHTS
        if not path.is_file():
            raise EmbeddingError(
                f"musicnn is not installed ({path} is missing): run `mt3synth evaluate --setup`,"
                " or take --embedding log-mel, which needs nothing"
            )
        try:
            with np.load(path) as arrays:
                weights = {name: arrays[name] for name in musicnn_setup.NAMES}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise EmbeddingError(
                f"{path}: damaged ({error}); delete it and run `mt3synth evaluate --setup`"
            ) from error
        digest = hashlib.sha256(b"".join(value.tobytes() for value in weights.values()))
        on_device = {name: jnp.asarray(value) for name, value in weights.items()}
        return Musicnn(on_device, f"1-{digest.hexdigest()[:12]}")

    def __call__(self, audio: FloatND) -> Float[np.ndarray, "N D"]:
        """Embeds all windows that fit.

        Raises:
          EmbeddingError: see `check_audio`.
        """
        check_audio(audio, (WINDOW - 1) * HOP, self.name, self.sample_rate)
        mel = musicnn_mel(audio)
        windows = np.lib.stride_tricks.sliding_window_view(mel, WINDOW, axis=0)[::WINDOW_HOP]
        out = np.empty((len(windows), self.dimension), np.float32)
        for begin in range(0, len(windows), _BATCH):
            batch = np.zeros((_BATCH, WINDOW, BINS), np.float32)  # one shape, one compilation
            some = windows[begin : begin + _BATCH]
            batch[: len(some)] = some.transpose(0, 2, 1)
            out[begin : begin + _BATCH] = penultimate(self.weights, batch)[: len(some)]
        return out


@jax.jit
def penultimate(weights: Weights, mel: Float[Array, "B T M"]) -> Float[Array, "B D"]:
    """Computes the last hidden layer from windows of the front end's frames.

    Args:
      weights: see `Musicnn`.
      mel: T is at least 1, M is 96.
    """
    x = _normalised(weights, 0, mel[..., None])
    front = [
        _filters(weights, conv, number, x, padding)
        for number, (conv, padding) in enumerate(_FRONT.items(), start=1)
    ]
    layers = [jnp.concatenate(front, axis=-1)]
    for number, conv in enumerate(_MIDDLE, start=6):
        # The kernel spans all features, so that it is a convolution over time.
        kernel = weights[f"{conv}/kernel"][:, :, 0]
        y = jax.lax.conv_general_dilated(
            layers[-1], kernel, (1,), [(3, 3)], dimension_numbers=("NWC", "WIO", "NWC")
        )
        y = _normalised(weights, number, jax.nn.relu(y + weights[f"{conv}/bias"]))
        layers.append(y if number == 6 else y + layers[-1])
    x = jnp.concatenate(layers, axis=-1)
    # Features in the order max, mean of the first, max, mean of the second, ...
    x = jnp.stack([x.max(axis=1), x.mean(axis=1)], axis=-1).reshape(len(x), -1)
    x = _normalised(weights, 9, x)
    x = jax.nn.relu(x @ weights["dense/kernel"] + weights["dense/bias"])
    return _normalised(weights, 10, x)


def tags(weights: Weights, embedding: Float[Array, "B D"]) -> Float[Array, "B 50"]:
    """Computes probabilities of the network's 50 tags, in the package's order (``MSD_LABELS``)."""
    return jax.nn.sigmoid(embedding @ weights["dense_1/kernel"] + weights["dense_1/bias"])


def _filters(
    weights: Weights, conv: str, number: int, x: Array, padding: str | list[tuple[int, int]]
) -> Float[Array, "B T K"]:
    y = jax.lax.conv_general_dilated(
        x, weights[f"{conv}/kernel"], (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return _normalised(weights, number, jax.nn.relu(y + weights[f"{conv}/bias"])).max(axis=2)


def _normalised(weights: Weights, number: int, x: Array) -> Array:
    """Normalises a batch by the moments seen in training."""
    name = f"batch_normalization_{number}" if number else "batch_normalization"
    gain = weights[f"{name}/gamma"] * jax.lax.rsqrt(weights[f"{name}/moving_variance"] + _EPSILON)
    return (x - weights[f"{name}/moving_mean"]) * gain + weights[f"{name}/beta"]
