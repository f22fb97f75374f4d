"""Embeds audio by TRILL and VGGish, as the paper does, through TensorFlow Hub.

TRILL: Shor et al., "Towards Learning a Universal Non-Semantic Representation of Speech",
Interspeech 2020; its ``embedding`` output, for its ``layer19`` has 12288 dimensions. VGGish:
Hershey et al., "CNN Architectures for Large-Scale Audio Classification", ICASSP 2017. Both take
mono audio at 16 kHz in [-1, 1]. TensorFlow is imported only here, and only when one is loaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mt3synth.errors import first_line
from mt3synth.evaluation.embeddings.base import EmbeddingError, check_audio
from mt3synth.types import Float, FloatND

_SAMPLE_RATE = 16000
_BLOCK = 60 * _SAMPLE_RATE  # both would take a whole song at once, and memory for all its windows
_LEAST = _SAMPLE_RATE
_BYTES = 1 << 20


@dataclass(frozen=True)
class _Model:
    """Describes a published model.

    Attributes:
      address: on TensorFlow Hub.
      rate: embeddings per second.
      dimension: D.
      call: from the loaded model and samples to embeddings, as its documentation has it.
    """

    address: str
    rate: float
    dimension: int
    call: Callable[[Any, FloatND], Any]


_MODELS = {
    "trill": _Model(
        address="https://tfhub.dev/google/nonsemantic-speech-benchmark/trill/3",
        rate=5.9,
        dimension=512,
        call=lambda model, samples: model(samples=samples, sample_rate=_SAMPLE_RATE)["embedding"],
    ),
    "vggish": _Model(
        address="https://tfhub.dev/google/vggish/1",
        rate=1 / 0.96,
        dimension=128,
        call=lambda model, samples: model(samples),
    ),
}


@dataclass(frozen=True, eq=False)
class HubEmbedding:
    """Embeds audio by a SavedModel.

        load_saved_model("vggish", None)(audio)  # [N, 128]

    An `Embedding`; attributes that are not named here are described there.

    Attributes:
      name: ``trill`` or ``vggish``.
      version: of the files, or of the address.
      call: from samples to embeddings, by what TensorFlow loaded.
    """

    name: str
    version: str
    rate: float
    dimension: int
    call: Callable[[FloatND], Any] = field(repr=False)
    sample_rate: int = _SAMPLE_RATE

    def __call__(self, audio: FloatND) -> Float[np.ndarray, "N D"]:
        """Embeds blocks of a minute, so that no window crosses into the next block.

        What is left of the audio, if it is less than a second, is not heard.

        Raises:
          EmbeddingError: see `check_audio`; or the model gives something else than embeddings.
        """
        check_audio(audio, _LEAST, self.name, _SAMPLE_RATE)
        blocks = [audio[i : i + _BLOCK] for i in range(0, len(audio), _BLOCK)]
        return np.concatenate([self._block(block) for block in blocks if len(block) >= _LEAST])

    def _block(self, samples: FloatND) -> Float[np.ndarray, "N D"]:
        try:
            rows = np.asarray(self.call(samples.astype(np.float32)), np.float32)
        except Exception as error:  # TensorFlow has its own, of many kinds
            raise EmbeddingError(
                f"the SavedModel cannot be called as {self.name}: {first_line(error)}"
            ) from error
        if rows.ndim != 2 or rows.shape[1] != self.dimension:
            raise EmbeddingError(
                f"the SavedModel gives {list(rows.shape)}; {self.name} gives [N, {self.dimension}]"
            )
        return rows


def load_saved_model(name: str, source: str | None) -> HubEmbedding:
    """Loads TRILL or VGGish, on the CPU.

    Args:
      name: ``trill`` or ``vggish``.
      source: a SavedModel's folder, or an address for TensorFlow Hub, which fetches and keeps it;
        None for the published address.

    Raises:
      EmbeddingError: TensorFlow or its Hub is not installed, or there is no such model.
    """
    published = _MODELS[name]
    origin = published.address if source is None else source
    is_address = "://" in origin
    try:
        import tensorflow as tf

        if is_address:
            import tensorflow_hub
    except ImportError as error:
        raise EmbeddingError(
            f"{name} needs {error.name}: pip install tensorflow tensorflow-hub; or take"
            " --embedding log-mel or musicnn, which do without"
        ) from error
    # Else it takes all of a GPU's memory from JAX; refused where TensorFlow is already in use.
    with suppress(RuntimeError):
        tf.config.set_visible_devices([], "GPU")
    if not is_address and not (Path(origin) / "saved_model.pb").is_file():
        raise EmbeddingError(f"{origin}: no folder of a SavedModel (saved_model.pb is missing)")
    try:
        model = tensorflow_hub.load(origin) if is_address else tf.saved_model.load(origin)
    except Exception as error:  # of the network, the disk, or of TensorFlow
        reason = first_line(error)
        raise EmbeddingError(f"{name} cannot be loaded from {origin}: {reason}") from error
    call = partial(published.call, model)
    version = _version(origin, is_address)
    return HubEmbedding(name, version, published.rate, published.dimension, call)


def _version(origin: str, is_address: bool) -> str:
    digest = hashlib.sha256(origin.encode() if is_address else b"")
    for path in [] if is_address else sorted(p for p in Path(origin).rglob("*") if p.is_file()):
        digest.update(path.relative_to(origin).as_posix().encode())
        with open(path, "rb") as file:
            while block := file.read(_BYTES):
                digest.update(block)
    return digest.hexdigest()[:12]
