"""Defines what every embedding is, and checks the audio that it is given."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from mt3synth.errors import UserError
from mt3synth.types import Float, FloatND


class EmbeddingError(UserError):
    """Audio that an embedding cannot take, or an embedding that is not there."""


@runtime_checkable
class Embedding(Protocol):
    """A callable from mono audio at its ``sample_rate`` to embeddings ``[N D]``, float32.

    The audio is meant to lie in [-1, 1]. Calls raise `EmbeddingError` for audio that fails
    `check_audio`, which includes silence and audio too short for one embedding.
    """

    @property
    def name(self) -> str:
        """Names it in reports. Distances of different names must not be compared."""

    @property
    def version(self) -> str:
        """Changes whenever the same audio may give other numbers; letters, digits, dashes."""

    @property
    def sample_rate(self) -> int:
        """Returns the samples per second of the audio that it takes."""

    @property
    def rate(self) -> float:
        """Returns the embeddings per second of audio."""

    @property
    def dimension(self) -> int:
        """Returns D, the numbers in an embedding."""

    def __call__(self, audio: FloatND) -> Float[np.ndarray, "N D"]: ...


def check_audio(audio: FloatND, least: int, name: str, sample_rate: int) -> None:
    """Refuses audio that is not mono, not finite, digitally silent, or shorter than one embedding.

    Args:
      audio: mono.
      least: samples that one embedding needs.
      name: of the embedding, for the message.
      sample_rate: samples per second, for the message.

    Raises:
      EmbeddingError: saying which.
    """
    if audio.ndim != 1 or audio.dtype.kind != "f":
        raise EmbeddingError(
            f"audio {audio.dtype}{list(audio.shape)}; must be mono float [samples]"
        )
    if not len(audio):
        raise EmbeddingError("no audio (0 samples)")
    bad = int(np.sum(~np.isfinite(audio)))
    if bad:
        raise EmbeddingError(f"{bad} of {len(audio)} samples are not finite")
    seconds, needed = len(audio) / sample_rate, least / sample_rate
    if not np.any(audio):
        raise EmbeddingError(f"digital silence ({seconds:.1f} s) to embed")
    if len(audio) < least:
        raise EmbeddingError(f"{seconds:.2f} s of audio; {name} needs at least {needed:.2f} s")
