"""Computes embeddings of files and of audio once for their content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soxr

from mt3synth.atomic import write_new
from mt3synth.audio.files import AudioError, read_audio
from mt3synth.errors import explain_os_errors
from mt3synth.evaluation.embeddings.base import Embedding, EmbeddingError
from mt3synth.types import Float, FloatND


class EmbeddingCache:
    """Keeps embeddings in a folder, as ``NAME-VERSION/HASH.npy``.

        EmbeddingCache("cache").of_file("song.wav", embedding("log-mel"))

    The hash is of a file's bytes, so that renamed and copied files are known again, and of an
    array's samples. Files appear whole or not at all: a run that was stopped goes on where it was,
    in any order, and several may share a folder.

    Args:
      folder: made when the first embedding is written; None caches nothing.
    """

    def __init__(self, folder: str | os.PathLike[str] | None) -> None:
        self._folder = None if folder is None else Path(folder)

    def of_file(
        self, path: str | os.PathLike[str], embedding: Embedding
    ) -> Float[np.ndarray, "N D"]:
        """Embeds an audio file of any sample rate; resampled by soxr where it must be.

        Raises:
          EmbeddingError: the audio is silent or too short, or its embeddings are not finite; names
            the file.
          AudioError: the file cannot be read; or the cache cannot be written.
        """
        rate = embedding.sample_rate
        try:
            return self._rows(embedding, lambda: _file_digest(path), lambda: read_audio(path, rate))
        except EmbeddingError as error:
            raise EmbeddingError(f"{path}: {error}") from error

    def of_audio(
        self, audio: FloatND, sample_rate: int, embedding: Embedding
    ) -> Float[np.ndarray, "N D"]:
        """Embeds mono audio; resampled by soxr where it must be.

        Raises:
          EmbeddingError: see `mt3synth.evaluation.embeddings.base.check_audio`; or its embeddings
            are not finite.
          AudioError: the cache cannot be written.
        """
        samples = np.ascontiguousarray(audio, np.float32)

        def resampled() -> FloatND:
            # What is not finite stays as it is: resampling would spread it before it is refused.
            if sample_rate == embedding.sample_rate or not np.isfinite(samples).all():
                return samples
            return soxr.resample(samples, sample_rate, embedding.sample_rate)

        purpose = f"samples at {sample_rate} Hz"
        return self._rows(embedding, lambda: audio_digest(samples, purpose), resampled)

    def _rows(
        self, embedding: Embedding, digest: Callable[[], str], samples: Callable[[], FloatND]
    ) -> Float[np.ndarray, "N D"]:
        """Takes rows from the file that ``digest`` names, or makes it of what ``samples`` gives."""
        path = None
        if self._folder is not None:
            path = self._folder / f"{embedding.name}-{embedding.version}" / f"{digest()[:40]}.npy"
            found = _load(path, embedding)
            if found is not None:
                return found
        rows = embedding(samples())
        bad = int(np.sum(~np.isfinite(rows).all(axis=1)))
        if bad:
            raise EmbeddingError(
                f"{bad} of {len(rows)} embeddings by {embedding.name} are not finite"
            )
        if path is not None:
            write_new(path, lambda file: np.save(file, rows), AudioError)
        return rows


def audio_digest(audio: FloatND, purpose: str) -> str:
    """Returns the SHA-256 of float32 samples and of what they are to be used for, as digits."""
    digest = hashlib.sha256(purpose.encode())
    digest.update(np.ascontiguousarray(audio, np.float32).data)
    return digest.hexdigest()


def _file_digest(path: str | os.PathLike[str]) -> str:
    with explain_os_errors(path, kind=AudioError), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _load(path: Path, embedding: Embedding) -> FloatND | None:
    """Reads a file of the cache; None if there is none, or it is damaged and must be made anew."""
    try:
        rows = np.load(path)
    except (OSError, ValueError, EOFError):
        return None
    sound = rows.ndim == 2 and rows.shape[1] == embedding.dimension and rows.dtype == np.float32
    sound = sound and bool(np.isfinite(rows).all())
    return rows if sound else None
