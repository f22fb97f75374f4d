"""Embeddings of files, each computed once for its content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soxr

from mt3synth.atomic import write_atomically
from mt3synth.audio.files import AudioError, read_audio
from mt3synth.evaluation.embeddings.base import Embedding, EmbeddingError
from mt3synth.types import Float, FloatND

_BLOCK = 1 << 20


class EmbeddingCache:
    """Embeddings in a folder, as ``NAME-VERSION/HASH.npy``.

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
        cached = self._path(embedding, lambda: _file_digest(path))
        found = _load(cached, embedding)
        if found is not None:
            return found
        try:
            rows = _finite(embedding(read_audio(path, embedding.sample_rate)), embedding)
        except EmbeddingError as error:
            raise EmbeddingError(f"{path}: {error}") from error
        _save(cached, rows)
        return rows

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
        cached = self._path(embedding, lambda: _audio_digest(samples, sample_rate))
        found = _load(cached, embedding)
        if found is not None:
            return found
        if sample_rate != embedding.sample_rate and np.isfinite(samples).all():
            samples = soxr.resample(samples, sample_rate, embedding.sample_rate)
        rows = _finite(embedding(samples), embedding)
        _save(cached, rows)
        return rows

    def _path(self, embedding: Embedding, digest: Callable[[], str]) -> Path | None:
        if self._folder is None:
            return None
        return self._folder / f"{embedding.name}-{embedding.version}" / f"{digest()[:40]}.npy"


def _audio_digest(samples: FloatND, sample_rate: int) -> str:
    digest = hashlib.sha256(f"samples at {sample_rate} Hz".encode())
    digest.update(samples.data)
    return digest.hexdigest()


def _file_digest(path: str | os.PathLike[str]) -> str:
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise AudioError(f"{path}: cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()


def _finite(rows: FloatND, embedding: Embedding) -> FloatND:
    bad = int(np.sum(~np.isfinite(rows).all(axis=1)))
    if bad:
        raise EmbeddingError(f"{bad} of {len(rows)} embeddings by {embedding.name} are not finite")
    return rows


def _load(path: Path | None, embedding: Embedding) -> FloatND | None:
    """Reads a file of the cache; None if there is none, or it is damaged and must be made anew."""
    if path is None:
        return None
    try:
        rows = np.load(path)
    except (OSError, ValueError, EOFError):
        return None
    sound = rows.ndim == 2 and rows.shape[1] == embedding.dimension and rows.dtype == np.float32
    sound = sound and bool(np.isfinite(rows).all())
    return rows if sound else None


def _save(path: Path | None, rows: FloatND) -> None:
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_atomically(path) as unfinished, open(unfinished, "xb") as file:
            np.save(file, rows)
    except OSError as error:
        raise AudioError(f"{path}: cannot be written: {error.strerror or error}") from error
