"""Reads and writes audio files of any length: decoded in blocks by libsndfile or ffmpeg.

A file appears under its name whole or not at all, and nothing is clipped behind the caller's back:
`fit_peak` first, and tell the user the gain it returns.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import soundfile
import soxr

from mt3synth.atomic import write_bytes
from mt3synth.audio import encoding
from mt3synth.audio.ffmpeg import FFmpegSound, available, read_comment
from mt3synth.audio.libsndfile import LibsndfileSound, NotDecodable
from mt3synth.audio.sound import DecodingError, EncodingError, Sound
from mt3synth.errors import UserError, explain_os_errors
from mt3synth.foreign_files import parse_json
from mt3synth.types import Float

_OWN = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64")
_BY_FFMPEG = (".m4a", ".aac", ".mp4", ".wma", ".ac3", ".webm", ".mka", ".mkv", ".mov", ".avi")
SUFFIXES = frozenset(_OWN + _BY_FFMPEG)
"""By which recordings are known in a folder of files; `read_audio` goes by content, not suffix."""

_LOWEST_RATE = 1000  # samples per second; a broken header may state 1, and fill the memory


class AudioError(UserError):
    """An audio file that cannot be read or written; the message names it."""


def read_audio(path: str | os.PathLike[str], sample_rate: int) -> Float[np.ndarray, " S"]:
    """Reads a file of any format libsndfile or ffmpeg knows as mono float32, at ``sample_rate``.

    Channels are averaged. Integer formats come out in [-1, 1]. The file is decoded and resampled
    in blocks: the result is the only thing in memory that grows with its length.

    Raises:
      AudioError: the file is missing, unreadable, empty, cut off, or holds a sample that is not
        finite; or its format needs ffmpeg, which is not installed.
      ValueError: ``sample_rate`` below 1.
    """
    if sample_rate < 1:
        raise ValueError(f"sample_rate={sample_rate} samples per second; must be at least 1")
    sound = _open(path)
    rate = sound.sample_rate
    resampler = None if rate == sample_rate else soxr.ResampleStream(rate, sample_rate, 1)
    audio = bytearray()  # grows in place, where a list of blocks would be copied at the end
    for mono in _mono_blocks(path, sound):
        audio += (mono if resampler is None else resampler.resample_chunk(mono)).data
    if resampler is not None:
        audio += resampler.resample_chunk(np.zeros(0, np.float32), last=True).data
    if not audio:
        raise AudioError(f"{path}: too short to resample from {rate} to {sample_rate} Hz")
    return np.frombuffer(audio, np.float32)


def audio_seconds(path: str | os.PathLike[str]) -> float:
    """Returns how many seconds a file plays, from its header; decoded where that does not say.

    Raises:
      AudioError: as `read_audio`, for as much of the file as is looked at.
    """
    sound = _open(path)
    if sound.seconds is None:
        return sum(len(block) for block in _mono_blocks(path, sound)) / sound.sample_rate
    if not sound.seconds:
        raise AudioError(f"{path}: holds no audio (0 samples)")
    return sound.seconds


def read_rate(path: str | os.PathLike[str]) -> int:
    """Returns the samples per second of a file, from its header.

    Raises:
      AudioError: the file is missing, unreadable or empty.
    """
    return _open(path).sample_rate


def stated_seconds(path: str | os.PathLike[str]) -> float | None:
    """Returns how long a file plays by its header; None where that does not say.

    `read_audio` gives up to `mt3synth.audio.sound.SHORT_S` less of some files.

    Raises:
      AudioError: the file is missing, unreadable or empty.
    """
    return _open(path).seconds


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Reads the ``metadata`` given to `write_audio`; of another program's file the comment, if any.

    Raises:
      AudioError: the file is missing or unreadable.
    """
    _check_input(path)
    comment = None
    name = os.fspath(path)
    # TypeError: a headerless .raw
    with suppress(soundfile.SoundFileError, TypeError), soundfile.SoundFile(name) as file:
        comment, kind = file.comment, file.format
    # ffmpeg gives a comment other names in MP3 and Ogg files, which libsndfile does not know.
    if comment is None or (not comment and kind in ("MP3", "OGG") and available()):
        try:
            comment = read_comment(path)
        except DecodingError as error:
            raise AudioError(f"{path}: {error}") from error
    with suppress(ValueError):
        values = parse_json(comment)
        if isinstance(values, dict):
            return {str(name): str(value) for name, value in values.items()}
    return {"comment": comment} if comment else {}


def fit_peak(audio: Float[np.ndarray, "S *C"]) -> tuple[Float[np.ndarray, "S *C"], float]:
    """Returns audio that fits a file, and the gain that made it fit: 1 unless it was too loud."""
    peak = float(np.max(np.abs(audio), initial=0.0))
    return (audio / np.float32(peak), 1 / peak) if peak > 1 else (audio, 1.0)


def check_output(path: str | os.PathLike[str], metadata: Mapping[str, str]) -> None:
    """Finds out before a long rendering whether `write_audio` would refuse its destination.

    Raises:
      AudioError: suffix not one of ``mt3synth.audio.encoding.FORMATS``, folder missing or not
        writable, ``path`` a folder, metadata too long for a WAV file, or a format for which ffmpeg
        is needed and missing.
    """
    _check_destination(path, metadata)
    if not encoding.FORMATS[Path(path).suffix.lower()].by_libsndfile:
        # Whether ffmpeg has the encoder is best known by trying.
        _encode(Path(path), np.zeros(1000, np.float32), 16000, metadata)


def _check_destination(path: str | os.PathLike[str], metadata: Mapping[str, str]) -> None:
    """Checks what can be known of a destination without encoding anything."""
    path, suffix = Path(path), Path(path).suffix.lower()
    if suffix not in encoding.FORMATS:
        known = ", ".join(encoding.FORMATS)
        raise AudioError(f"{path}: suffix {path.suffix!r}; must be one of {known}")
    if not path.parent.is_dir():
        raise AudioError(f"{path}: its folder does not exist")
    if path.is_dir():
        raise AudioError(f"{path}: is a folder")
    if not os.access(path.parent, os.W_OK):
        raise AudioError(f"{path}: its folder cannot be written to")
    kind = encoding.FORMATS[suffix]
    size = len(encoding.make_comment(suffix, metadata).encode())
    if kind.comment_bytes and size > kind.comment_bytes:
        raise AudioError(
            f"{path}: metadata of {size} bytes; must be at most {kind.comment_bytes} in"
            f" {suffix[1:].upper()} (FLAC has no limit)"
        )


def write_audio(
    path: str | os.PathLike[str],
    audio: Float[np.ndarray, "S *C"],
    sample_rate: int,
    metadata: Mapping[str, str],
) -> None:
    """Writes a file of the format that its suffix names; ``metadata`` are JSON in its comment.

    WAV and FLAC have 16 bits, and the same samples. MP3, Ogg Vorbis, Opus and M4A lose what can
    hardly be heard; where they do not know ``sample_rate`` they have the next higher one.

    Encodes in memory, writes a hidden file in the same folder and renames it, so that a full disk
    or an interrupt leaves neither half a file nor a damaged older one.

    Raises:
      AudioError: what `check_output` finds; audio empty, not finite or with a peak above 1
        (see `fit_peak`); the disk full.
    """
    _check_destination(path, metadata)
    path = Path(path)
    if not len(audio):
        raise AudioError(f"{path}: no audio to write (0 samples)")
    peak = float(np.max(np.abs(audio)))
    if not np.isfinite(peak):
        raise AudioError(f"{path}: audio to write holds a sample that is not finite")
    if peak > 1:
        raise AudioError(f"{path}: peak {peak:.3f}; must be at most 1, or it would clip")
    with explain_os_errors(path, "cannot be written", AudioError):
        write_bytes(path, _encode(path, audio, sample_rate, metadata))


def _encode(
    path: Path, audio: Float[np.ndarray, "S *C"], sample_rate: int, metadata: Mapping[str, str]
) -> memoryview:
    try:
        return encoding.encode(path.suffix.lower(), audio, sample_rate, metadata)
    except EncodingError as error:
        raise AudioError(f"{path}: {error}") from error


def _open(path: str | os.PathLike[str]) -> Sound:
    """Finds the decoder that can read the whole file."""
    _check_input(path)
    try:
        try:
            sound: Sound = LibsndfileSound(path)
        except NotDecodable:
            sound = FFmpegSound(path)
    except DecodingError as error:
        raise AudioError(f"{path}: {error}") from error
    if sound.sample_rate < _LOWEST_RATE:
        raise AudioError(
            f"{path}: states {sound.sample_rate} samples per second; must be at least"
            f" {_LOWEST_RATE} (a broken header?)"
        )
    return sound


def _mono_blocks(path: str | os.PathLike[str], sound: Sound) -> Iterator[Float[np.ndarray, " F"]]:
    """Yields the mean of all channels, checked to be finite, and not to be empty as a whole."""
    decoded = bad = first_bad = 0
    with closing(sound.blocks()) as blocks:
        try:
            for block in blocks:
                mono = block.mean(axis=1)
                finite = np.isfinite(mono)
                if not finite.all():
                    first_bad = first_bad if bad else decoded + int(np.argmin(finite))
                    bad += int(np.sum(~finite))
                decoded += len(mono)
                yield mono
        except DecodingError as error:
            raise AudioError(f"{path}: {error}") from error
    if not decoded:
        raise AudioError(f"{path}: holds no audio (0 samples)")
    if bad:
        at = first_bad / sound.sample_rate
        raise AudioError(f"{path}: {bad} samples not finite, the first at {at:.3f} s")


def _check_input(path: str | os.PathLike[str]) -> None:
    """Says what the decoders would hide behind a message of their own, or wait for forever."""
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise AudioError(f"{path}: is a folder")
        if not stat.S_ISREG(status.st_mode):
            raise AudioError(f"{path}: not a regular file")
        with open(path, "rb"):
            pass
    except OSError as error:
        raise AudioError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not status.st_size:
        raise AudioError(f"{path}: is empty (0 bytes)")
