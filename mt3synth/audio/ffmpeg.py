"""Decodes through the ffmpeg program: m4a, wma, webm, video files, whatever it was built with.

It also encodes what libsndfile cannot.

ffmpeg is asked for the first audio stream of the file alone, as float32 with all its channels; it
neither mixes nor resamples, so that both decoders hand over the same kind of samples. It reads
local files only: a playlist that names an address is refused.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from typing import IO, Any, cast

import numpy as np

from mt3synth.atomic import scratch_folder
from mt3synth.audio.sound import BLOCK_FRAMES, SHORT_S, DecodingError, EncodingError
from mt3synth.types import Float, FloatND

INSTALL = "m4a, wma, webm and video files need ffmpeg and ffprobe: install ffmpeg"
# "file:" lets names begin with a dash or hold a colon; the list keeps playlists off the network.
_INPUT = ("-protocol_whitelist", "file,pipe", "-i")
_CONTAINERS = ("mov", "matroska", "asf")  # that state a length; ffmpeg guesses others from bit rate
_SPEAKER = re.compile(r"^\[[^\]]* @ 0x[0-9a-f]+\] ")


class FFmpegSound:
    """A `mt3synth.audio.sound.Sound` of what libsndfile cannot read.

    Raises:
      DecodingError: ffmpeg is not on PATH, cannot read the file, or finds no audio in it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = f"file:{os.fspath(path)}"
        # Of the first audio stream, and of the file around it.
        found = _probe(
            self._file,
            "stream=sample_rate,channels,duration:format=format_name,nb_streams,duration",
        )
        if not found.get("streams"):
            raise DecodingError("holds no audio that libsndfile or ffmpeg can read")
        stream, container = found["streams"][0], found["format"]
        # Damaged files state none, or 0, or "N/A".
        rate, channels = (str(stream.get(name)) for name in ("sample_rate", "channels"))
        if not all(text.isdecimal() and int(text) for text in (rate, channels)):
            raise DecodingError("its audio states no sample rate or no channels")
        self.sample_rate, self._channels = int(rate), int(channels)
        self.seconds = _stated_seconds(stream, container)

    def blocks(self) -> Generator[Float[np.ndarray, "F C"], None, None]:
        """Yields the samples, as `mt3synth.audio.sound.Sound.blocks` says."""
        command = ["ffmpeg", "-nostdin", "-v", "error", "-xerror", *_INPUT, self._file]
        command += ["-map", "0:a:0", "-ar", str(self.sample_rate), "-ac", str(self._channels)]
        command += ["-f", "f32le", "-"]
        decoded = 0
        with tempfile.TemporaryFile() as complaints:  # a pipe that nobody reads would fill up
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints
            )
            samples = cast(IO[bytes], process.stdout)
            try:
                for block in _frames(samples, self._channels):
                    decoded += len(block)
                    yield block
                status = process.wait()
            finally:  # the reader gave up, or Ctrl-C
                samples.close()
                process.kill()
                process.wait()
            complaints.seek(0)
            message = complaints.read().decode(errors="replace")
        if status or "prematurely" in message:  # the latter with status 0, of a cut-off Matroska
            after = f" after {decoded / self.sample_rate:.1f} s" if decoded else ""
            raise DecodingError(f"broken audio{after}: {_last_line(message, self._file)}")
        if self.seconds is not None and decoded / self.sample_rate < self.seconds - SHORT_S:
            raise DecodingError(
                f"cut off: its header states {self.seconds:.1f} s of audio,"
                f" it holds {decoded / self.sample_rate:.1f} s"
            )


def encode(audio: FloatND, sample_rate: int, suffix: str, encoder: str, comment: str) -> bytes:
    """Encodes sound ``[S]`` or ``[S, C]``; returns what a file of this suffix holds.

    Raises:
      EncodingError: ffmpeg is not on PATH, or lacks the encoder.
    """
    if not shutil.which("ffmpeg"):
        raise EncodingError(f"{suffix} needs ffmpeg, which is not installed")
    with scratch_folder() as folder:  # some containers cannot be written to a pipe
        file = f"file:{folder}/sound{suffix}"
        channels = audio.shape[1] if audio.ndim > 1 else 1
        command = [
            *("ffmpeg", "-nostdin", "-v", "error", "-f", "f32le", "-ar", str(sample_rate)),
            *("-ac", str(channels), "-i", "pipe:0", "-c:a", encoder),
            *("-metadata", f"comment={comment}"),
            *("-fflags", "+bitexact", "-flags:a", "+bitexact", file),  # no version, no date
        ]
        samples = np.asarray(audio, "<f4").tobytes()
        done = subprocess.run(command, input=samples, capture_output=True, check=False)
        if done.returncode:
            reason = _last_line(done.stderr.decode(errors="replace"), file)
            raise EncodingError(f"{suffix} needs ffmpeg with the encoder {encoder}: {reason}")
        with open(file.removeprefix("file:"), "rb") as encoded:
            return encoded.read()


def read_comment(path: str | os.PathLike[str]) -> str:
    """Reads the comment in the metadata of a file; empty if it has none.

    Raises:
      DecodingError: ffmpeg is not on PATH, or cannot read the file.
    """
    found = _probe(f"file:{os.fspath(path)}", "format_tags=comment:stream_tags=comment")
    # An Ogg file has its tags in the stream, the others around it.
    parts = [found.get("format", {}), *found.get("streams", ())]
    return next((str(part["tags"]["comment"]) for part in parts if part.get("tags")), "")


def available() -> bool:
    """Tells whether ffmpeg and ffprobe are on PATH."""
    return all(shutil.which(program) for program in ("ffmpeg", "ffprobe"))


def _probe(file: str, entries: str) -> dict[str, Any]:
    """Asks ffprobe about a file and its first audio stream."""
    if not available():
        raise DecodingError(f"not audio that libsndfile can read; {INSTALL}")
    done = subprocess.run(
        [
            *("ffprobe", "-v", "error", "-select_streams", "a:0", "-of", "json"),
            *("-show_entries", entries, *_INPUT, file),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        reason = _last_line(done.stderr.decode(errors="replace"), file)
        raise DecodingError(f"not audio that libsndfile or ffmpeg can read: {reason}")
    return dict(json.loads(done.stdout))


def _stated_seconds(stream: dict[str, Any], container: dict[str, Any]) -> float | None:
    name = str(container.get("format_name", ""))
    if not name.startswith(_CONTAINERS):
        return None
    own = stream.get("duration") if name.startswith("mov") else None
    if own is None and container.get("nb_streams") == 1:  # else the video's length, maybe
        own = container.get("duration")
    return None if own is None else float(own)


def _frames(pipe: IO[bytes], channels: int) -> Iterator[np.ndarray]:
    width = 4 * channels
    while data := pipe.read(BLOCK_FRAMES * width):
        yield np.frombuffer(data, "<f4", len(data) // width * channels).reshape(-1, channels)


def _last_line(message: str, file: str) -> str:
    """Picks ffmpeg's own reason, without addresses in memory: the same for a file every time."""
    lines = [_SPEAKER.sub("", line).strip() for line in message.splitlines() if line.strip()]
    return lines[-1].removeprefix(f"{file}: ") if lines else "ffmpeg does not say why"
