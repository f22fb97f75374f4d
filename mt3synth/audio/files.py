"""Audio files in and out, through soundfile and soxr.

A file appears under its name whole or not at all, and nothing is clipped behind the caller's back:
`fit_peak` first, and tell the user the gain it returns.
"""

from __future__ import annotations

import io
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import soundfile
import soxr
from jaxtyping import Float

from mt3synth.errors import UserError

_FORMATS = {".wav": "WAV", ".flac": "FLAC"}
_WAV_COMMENT_BYTES = 2000  # libsndfile drops a longer INFO string without a word
_BLOCK_FRAMES = 1 << 18


class AudioError(UserError):
    """An audio file that cannot be read or written; the message names it."""


def read_audio(path: str | os.PathLike[str], sample_rate: int) -> Float[np.ndarray, " S"]:
    """A file of any format libsndfile knows as mono float32, resampled to ``sample_rate``.

    Channels are averaged. Integer formats come out in [-1, 1].

    Raises:
      AudioError: the file is missing, unreadable, empty, or holds a sample that is not finite.
      ValueError: ``sample_rate`` below 1.
    """
    if sample_rate < 1:
        raise ValueError(f"sample_rate={sample_rate} samples per second; must be at least 1")
    with _open(path) as file:
        rate = file.samplerate
        try:
            blocks = [block.mean(axis=1) for block in _blocks(file)]
        except soundfile.SoundFileError as error:
            raise AudioError(f"{path}: broken audio: {error}") from error
    if not blocks:
        raise AudioError(f"{path}: holds no audio (0 samples)")
    audio = np.concatenate(blocks)
    finite = np.isfinite(audio)
    if not finite.all():
        at = int(np.argmin(finite)) / rate
        raise AudioError(f"{path}: {np.sum(~finite)} samples not finite, the first at {at:.3f} s")
    if rate != sample_rate:
        audio = soxr.resample(audio, rate, sample_rate)
        if not len(audio):
            raise AudioError(f"{path}: too short to resample from {rate} to {sample_rate} Hz")
    return audio


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """What `write_audio` was given as ``metadata``; for another program's file its comment, if any.

    Raises:
      AudioError: the file is missing or unreadable.
    """
    with _open(path) as file:
        comment = file.comment
    try:
        values = json.loads(comment)
    except ValueError:
        return {"comment": comment} if comment else {}
    if not isinstance(values, dict):
        return {"comment": comment}
    return {str(name): str(value) for name, value in values.items()}


def fit_peak(audio: Float[np.ndarray, " S"]) -> tuple[Float[np.ndarray, " S"], float]:
    """Audio that fits a file, and the gain that made it fit: 1 unless its peak was above 1."""
    peak = float(np.max(np.abs(audio), initial=0.0))
    return (audio / np.float32(peak), 1 / peak) if peak > 1 else (audio, 1.0)


def check_output(path: str | os.PathLike[str], metadata: Mapping[str, str]) -> None:
    """Finds out before a long rendering whether `write_audio` would refuse its destination.

    Raises:
      AudioError: suffix neither .wav nor .flac, folder missing or not writable, ``path`` a folder,
        or metadata too long for a WAV file.
    """
    path = Path(path)
    if path.suffix.lower() not in _FORMATS:
        raise AudioError(f"{path}: suffix {path.suffix!r}; must be one of {', '.join(_FORMATS)}")
    if not path.parent.is_dir():
        raise AudioError(f"{path}: its folder does not exist")
    if path.is_dir():
        raise AudioError(f"{path}: is a folder")
    if not os.access(path.parent, os.W_OK):
        raise AudioError(f"{path}: its folder cannot be written to")
    size = len(_comment(metadata).encode())
    if path.suffix.lower() == ".wav" and size > _WAV_COMMENT_BYTES:
        raise AudioError(
            f"{path}: metadata of {size} bytes; must be at most {_WAV_COMMENT_BYTES} in WAV"
            " (FLAC has no limit)"
        )


def write_audio(
    path: str | os.PathLike[str],
    audio: Float[np.ndarray, " S"],
    sample_rate: int,
    metadata: Mapping[str, str],
) -> None:
    """Writes mono 16-bit WAV or FLAC, by suffix; ``metadata`` goes into the comment as JSON.

    Encodes in memory, writes a hidden file in the same folder and renames it, so that a full disk
    or an interrupt leaves neither half a file nor a damaged older one.

    Raises:
      AudioError: what `check_output` finds; audio empty, not finite or with a peak above 1
        (see `fit_peak`); the disk full.
    """
    check_output(path, metadata)
    path = Path(path)
    if not len(audio):
        raise AudioError(f"{path}: no audio to write (0 samples)")
    peak = float(np.max(np.abs(audio)))
    if not np.isfinite(peak):
        raise AudioError(f"{path}: audio to write holds a sample that is not finite")
    if peak > 1:
        raise AudioError(f"{path}: peak {peak:.3f}; must be at most 1, or it would clip")
    encoded = io.BytesIO()
    with soundfile.SoundFile(
        encoded, "w", sample_rate, 1, "PCM_16", format=_FORMATS[path.suffix.lower()]
    ) as file:
        if metadata:
            file.comment = _comment(metadata)
        file.write(audio)
    try:
        _write_atomically(path, encoded.getbuffer())
    except OSError as error:
        raise AudioError(f"{path}: cannot be written: {error.strerror or error}") from error


def _comment(metadata: Mapping[str, str]) -> str:
    return json.dumps(dict(metadata), ensure_ascii=False)


def _open(path: str | os.PathLike[str]) -> soundfile.SoundFile:
    try:
        with open(path, "rb"):  # libsndfile calls every failure "System error"
            pass
        return soundfile.SoundFile(os.fspath(path))
    except OSError as error:
        raise AudioError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (soundfile.SoundFileError, TypeError) as error:  # TypeError: a headerless .raw
        raise AudioError(f"{path}: not an audio file that can be read") from error


def _blocks(file: soundfile.SoundFile) -> Iterator[np.ndarray]:
    while len(block := file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
        yield block


def _write_atomically(path: Path, data: memoryview) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # some file systems report a full disk only here
        os.replace(part, path)
    except BaseException:  # Ctrl-C too
        part.unlink(missing_ok=True)
        raise
