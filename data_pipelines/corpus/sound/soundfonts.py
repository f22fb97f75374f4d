"""Finds soundfonts, and unpacks compressed ones, once.

FluidSynth decodes the samples of an .sf3 (an .sf2 whose samples are Ogg Vorbis) each time it is
started, which takes longer than rendering a song. From an .sf2 it reads the samples it needs.

The format: SoundFont Technical Specification 2.04 (Creative, 2006), sections 5 to 7, with
MuseScore's extension: flag 16 of a sample's type says that its start and end count bytes of Ogg
Vorbis, and that loop points count from its own start.
"""

from __future__ import annotations

import hashlib
import io
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

import soundfile

from data_pipelines.filesystem import write_atomically
from mt3synth.cache_folder import cache_folder
from mt3synth.errors import UserError

SOUNDFONT_FOLDERS_VARIABLE = "MT3SYNTH_SOUNDFONTS"
_FOLDERS = (
    "/usr/share/sounds/sf2",
    "/usr/share/sounds/sf3",
    "/usr/share/fluidr3mono-gm-soundfont",
    "/usr/share/soundfonts",
    "/usr/local/share/soundfonts",
)
_SAMPLE_HEADER = struct.Struct("<20sIIIIIBbHH")
_VORBIS = 0x10
_GAP_POINTS = 46  # zeros that the specification wants after each sample


@dataclass(frozen=True)
class Soundfont:
    """Names a soundfont file, the Debian package that carries it, and its licence."""

    file: str
    package: str
    licence: str

    def path(self, folders: Sequence[Path] = ()) -> Path:
        """Finds it in ``folders``, in ``$MT3SYNTH_SOUNDFONTS`` or where systems keep them.

        Raises:
          UserError: nowhere; the message names the Debian package.
        """
        named = os.environ.get(SOUNDFONT_FOLDERS_VARIABLE, "").split(os.pathsep)
        # What is named comes first, so that one of a system's can be replaced.
        searched = [*folders, *(Path(f) for f in named if f), *(Path(f) for f in _FOLDERS)]
        for folder in searched:
            if (folder / self.file).is_file():
                return folder / self.file
        raise UserError(
            f"{self.file} not found; install Debian's {self.package}, or put its folder into "
            f"${SOUNDFONT_FOLDERS_VARIABLE}"
        )


@lru_cache(maxsize=64)
def find_playable(soundfont: Path) -> Path:
    """Finds an .sf2 to play: the soundfont itself, or of an .sf3 the user's unpacked copy.

    The copy is made if it is missing, and found again by the soundfont's content.

    Raises:
      UserError: the soundfont cannot be read, or the cache cannot be written.
    """
    if soundfont.suffix.lower() != ".sf3":
        return soundfont
    try:
        with soundfont.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        copy = cache_folder("soundfonts") / f"{soundfont.stem}-{digest}.sf2"
        # By content, so that a new release of a soundfont gets a copy of its own.
        if not copy.exists():
            with write_atomically(copy) as unfinished:
                unpack(soundfont, unfinished)
    except OSError as error:
        raise UserError(f"{soundfont}: cannot be unpacked: {error}") from error
    return copy


def unpack(source: Path, target: Path) -> None:
    """Writes the soundfont ``source`` (.sf3) as an .sf2 of 16-bit samples.

    Raises:
      UserError: it is no soundfont, or a sample in it is not mono Ogg Vorbis.
    """
    data = source.read_bytes()
    try:
        lists = {data[c.start : c.start + 4]: c for c in _iterate_chunks(data, 12, len(data))}
        info, samples, presets = (
            list(_iterate_chunks(data, lists[name].start + 4, lists[name].end))
            for name in (b"INFO", b"sdta", b"pdta")
        )
        (pool,) = (c for c in samples if c.name == b"smpl")
        (headers,) = (c for c in presets if c.name == b"shdr")
        rows = list(_SAMPLE_HEADER.iter_unpack(data[headers.start : headers.end]))
    except (KeyError, ValueError, struct.error) as error:
        raise UserError(f"{source}: no soundfont, or damaged") from error
    with target.open("wb") as file, _write_chunk(file, b"RIFF"):
        file.write(b"sfbk")
        with _write_chunk(file, b"LIST"):
            file.write(b"INFO")
            for part in info:
                with _write_chunk(file, part.name):
                    body = data[part.start : part.end]
                    # Version 3 announces the compression; its minor number stays.
                    file.write(struct.pack("<H", 2) + body[2:] if part.name == b"ifil" else body)
        with _write_chunk(file, b"LIST"):
            file.write(b"sdta")
            with _write_chunk(file, b"smpl"):
                rows = list(_decode_samples(source, data[pool.start : pool.end], rows, file))
        with _write_chunk(file, b"LIST"):
            file.write(b"pdta")
            for part in presets:
                with _write_chunk(file, part.name):
                    if part.name == b"shdr":
                        file.writelines(_SAMPLE_HEADER.pack(*row) for row in rows)
                    else:
                        file.write(data[part.start : part.end])


def _decode_samples(
    source: Path, pool: bytes, rows: list[tuple], file: BinaryIO
) -> Iterator[tuple[bytes | int, ...]]:
    """Appends every sample to ``file``; gives the sample headers with positions in points."""
    position = 0
    for row in rows:
        name, start, end, loop_start, loop_end, *rest, kind = row
        # It has no samples, and must stay the last.
        if start == end:  # the record that ends the list
            yield row
            continue
        try:
            if not kind & _VORBIS:
                raise ValueError("not compressed")
            points, _ = soundfile.read(io.BytesIO(pool[start:end]), dtype="int16")
            if points.ndim != 1:
                raise ValueError("not mono")
        except (ValueError, RuntimeError) as error:  # soundfile's own are RuntimeErrors
            shown = name.rstrip(b"\0").decode("latin-1")
            raise UserError(f"{source}: sample {shown!r} cannot be unpacked: {error}") from error
        file.write(points.astype("<i2").tobytes() + bytes(2 * _GAP_POINTS))
        # Counted anew in points, as the version of the format that is written wants it.
        spans = (position, position + len(points), position + loop_start, position + loop_end)
        yield (name, *spans, *rest, kind & ~_VORBIS)
        position += len(points) + _GAP_POINTS


class _Chunk(NamedTuple):
    """Names a chunk of a RIFF file, and where its content lies."""

    name: bytes
    start: int
    end: int


def _iterate_chunks(data: bytes, start: int, end: int) -> Iterator[_Chunk]:
    while start + 8 <= end:
        name, length = struct.unpack_from("<4sI", data, start)
        chunk = _Chunk(name, start + 8, start + 8 + length)
        if chunk.end > end:
            raise ValueError(f"chunk {name!r} is cut short")
        yield chunk
        # RIFF pads to even lengths, but some writers of .sf3 do not; no name begins with zero.
        padded = length % 2 == 1 and data[chunk.end : chunk.end + 1] == b"\0"
        start = chunk.end + padded


@contextmanager
def _write_chunk(file: BinaryIO, name: bytes) -> Iterator[None]:
    """Writes a RIFF chunk around what is written to ``file`` meanwhile."""
    file.write(name + bytes(4))
    start = file.tell()
    yield
    length = file.tell() - start
    file.write(bytes(length % 2))
    end = file.tell()
    # Only now is the length known: what lies within is written as it is decoded.
    file.seek(start - 4)
    file.write(struct.pack("<I", length))
    file.seek(end)
