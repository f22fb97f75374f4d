"""Decodes through libsndfile, which shortens some files without a word; those are found out here.

libsndfile trusts the size of a WAV, AIFF or AU file more than its header, so that half a download
reads as a whole recording; only its log tells. Of an MP3 file without a Xing, Info or VBRI header
it guesses the number of samples and stops there, and it cannot read the end of a FLAC stream of
unstated length: those two are left to ffmpeg. A cut-off Ogg file is not noticed, for the format
states no length.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator

import numpy as np
import soundfile

from mt3synth.audio.sound import BLOCK_FRAMES, SHORT_S, DecodingError
from mt3synth.types import Float

_SHORTENED = re.compile(r"^\s*(?:data|SSND|Data Size|riff)\s*: (\d+) \(should be (\d+)\)", re.M)
_SHORTENED_RF64 = re.compile(r"frame count (\d+) does not match value from 'ds64' chunk of (\d+)")
_STREAMED = 0x7FFFF000  # from here on, what programs write that do not know the size beforehand
_UNKNOWN_FRAMES = 1 << 62


class NotDecodable(DecodingError):
    """Not a format that libsndfile reads, or not in full; another decoder may."""


class LibsndfileSound:
    """A `mt3synth.audio.sound.Sound` of WAV, FLAC, AIFF, Ogg, Opus, MP3 and their kin.

    Raises:
      NotDecodable: another decoder should try.
      DecodingError: the file was cut off.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        with _open(self._path) as file:
            if file.frames > _UNKNOWN_FRAMES or (
                file.format == "MP3" and not _mp3_states_length(self._path)
            ):
                raise NotDecodable("does not state its length")
            _refuse_shortened(file.extra_info)
            self.sample_rate = file.samplerate
            self.seconds: float | None = file.frames / file.samplerate

    def blocks(self) -> Generator[Float[np.ndarray, "F C"], None, None]:
        """Yields the samples, as `mt3synth.audio.sound.Sound.blocks` says."""
        with _open(self._path) as file:
            decoded = 0
            try:
                while len(block := file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
                    decoded += len(block)
                    yield block
            except soundfile.LibsndfileError as error:
                reason = error.error_string.removeprefix("Error : ").rstrip(".")
                at = f" after {decoded / file.samplerate:.1f} s" if decoded else ""
                raise DecodingError(f"broken audio{at}: {reason}") from error
            if file.frames - decoded > SHORT_S * file.samplerate:
                raise DecodingError(
                    f"cut off: its header states {file.frames / file.samplerate:.1f} s of audio,"
                    f" it holds {decoded / file.samplerate:.1f} s"
                )


def _open(path: str) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(path)
    except (soundfile.SoundFileError, TypeError) as error:  # TypeError: a headerless .raw
        raise NotDecodable("not audio that libsndfile can read") from error


def _refuse_shortened(log: str) -> None:
    for found in _SHORTENED.finditer(log):
        stated, held = int(found[1]), int(found[2])
        if held < stated < _STREAMED and stated - held > 1:  # 1: a missing byte of padding
            raise _cut_off(f"{stated} bytes", held)
    counts = _SHORTENED_RF64.search(log)
    if counts and int(counts[1]) < int(counts[2]):
        raise _cut_off(f"{counts[2]} samples", int(counts[1]))


def _cut_off(stated: str, held: int) -> DecodingError:
    return DecodingError(f"cut off: its header states {stated} of audio, it holds {held}")


def _mp3_states_length(path: str) -> bool:
    """Tells whether the first MPEG frame, behind an ID3v2 tag, holds a header with the length."""
    with open(path, "rb") as file:
        tag = file.read(10)
        if tag[:3] == b"ID3" and len(tag) == 10:
            size = sum((byte & 127) << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0)))
            file.seek(10 + size)
        else:
            file.seek(0)
        first = file.read(2048)
    return any(name in first for name in (b"Xing", b"Info", b"VBRI"))
