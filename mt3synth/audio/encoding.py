"""Encodes sound by the suffix of its file: WAV and FLAC, MP3, Ogg Vorbis, Opus and M4A.

libsndfile encodes what it was built to encode, ffmpeg the rest. WAV and FLAC of one sound hold the
same 16-bit samples.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from mt3synth.audio import ffmpeg
from mt3synth.types import FloatND


@dataclass(frozen=True)
class Format:
    """Describes how a kind of file is encoded.

    Attributes:
      container: libsndfile's name for it; empty where libsndfile has none.
      subtype: libsndfile's name for its samples or its codec.
      encoder: ffmpeg's, for where libsndfile has none; empty for what libsndfile always has.
      compression: libsndfile's level, 0 to 1, where 0 is best; None where there is nothing to lose.
      sample_rates: that it knows; empty if it takes any.
      comment_bytes: longest comment that it keeps; 0 if there is no limit.
    """

    container: str
    subtype: str
    encoder: str = ""
    compression: float | None = None
    sample_rates: tuple[int, ...] = ()
    comment_bytes: int = 0

    @property
    def by_libsndfile(self) -> bool:
        """Whether the libsndfile that is installed encodes it."""
        return self.subtype in soundfile.available_subtypes(self.container)

    def nearest_rate(self, sample_rate: int) -> int:
        """Returns a sample rate itself if it is known, else the next higher one that is."""
        if not self.sample_rates:
            return sample_rate
        return min(
            (rate for rate in self.sample_rates if rate >= sample_rate),
            default=self.sample_rates[-1],
        )


_MPEG = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_OPUS = (8000, 12000, 16000, 24000, 48000)

# Compression is as low as still helps: music at 16 kHz is 30 dB above what coding adds to it.
FORMATS: Mapping[str, Format] = {
    ".wav": Format("WAV", "PCM_16", comment_bytes=2000),  # a longer one is dropped without a word
    ".flac": Format("FLAC", "PCM_16"),
    ".mp3": Format("MP3", "MPEG_LAYER_III", "libmp3lame", 0.0, _MPEG),
    ".ogg": Format("OGG", "VORBIS", "libvorbis", 0.2),
    ".opus": Format("OGG", "OPUS", "libopus", 0.7, _OPUS, comment_bytes=40000),  # else unreadable
    ".m4a": Format("", "", "aac"),
}
"""What sound can be written as, by the suffix of its file."""

_BLOCK = 1 << 15  # libsndfile's Vorbis encoder lays a block on the stack, and minutes overflow it


def make_comment(suffix: str, metadata: Mapping[str, str]) -> str:
    """Returns the JSON that a file's comment is; empty without metadata."""
    # libsndfile takes what is not ASCII for Latin-1 in an MP3 file.
    return json.dumps(dict(metadata), ensure_ascii=suffix == ".mp3") if metadata else ""


def encode(
    suffix: str, audio: FloatND, sample_rate: int, metadata: Mapping[str, str]
) -> memoryview:
    """Encodes sound in [-1, 1]; returns what its file holds.

    Args:
      suffix: one of ``FORMATS``.
      audio: the samples, ``[S]`` or ``[S, C]``.
      sample_rate: of them. A format that does not know it gets the next higher one that it knows.
      metadata: for the file's comment.

    Raises:
      EncodingError: the format needs ffmpeg, which is not installed or cannot encode it.
    """
    kind = FORMATS[suffix]
    known = kind.nearest_rate(sample_rate)
    if known != sample_rate:
        # A sound may be higher between its samples than at them.
        audio, sample_rate = np.clip(soxr.resample(audio, sample_rate, known), -1, 1), known
    if not kind.by_libsndfile:
        comment = make_comment(suffix, metadata)
        return memoryview(ffmpeg.encode(audio, sample_rate, suffix, kind.encoder, comment))
    encoded, channels = io.BytesIO(), audio.shape[1] if audio.ndim > 1 else 1
    with open_encoder(encoded, suffix, sample_rate, channels, metadata) as file:
        write_block(file, audio)
    return encoded.getbuffer()


def open_encoder(
    target: Path | io.BytesIO,
    suffix: str,
    sample_rate: int,
    channels: int,
    metadata: Mapping[str, str],
) -> soundfile.SoundFile:
    """Opens what libsndfile encodes, for `write_block`; it is to be closed."""
    kind = FORMATS[suffix]
    file = soundfile.SoundFile(
        *(target, "w", sample_rate, channels, kind.subtype),
        format=kind.container,
        compression_level=kind.compression,
    )
    if comment := make_comment(suffix, metadata):
        file.comment = comment
    return file


def write_block(file: soundfile.SoundFile, audio: FloatND) -> None:
    """Encodes sound in [-1, 1] after what was encoded before."""
    for start in range(0, len(audio), _BLOCK):
        block = audio[start : start + _BLOCK]
        file.write(_as_16_bits(block) if file.subtype == "PCM_16" else block)


def _as_16_bits(audio: FloatND) -> np.ndarray:
    """Quantises as libsndfile does for WAV; left to itself, it would round otherwise for FLAC."""
    steps = np.rint(audio.astype(np.float64) * 2**31) // 2**16
    return np.minimum(steps, 32767).astype(np.int16)
