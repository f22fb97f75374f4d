"""Bytes from where MIDI comes from: a file, compressed or not, standard input, memory."""

from __future__ import annotations

import errno
import os
import sys
import zlib
from typing import Protocol, TypeAlias, runtime_checkable

from mt3synth.symbolic.midi.errors import MidiError

MAX_BYTES = 8 * 2**20
"""A file of this size holds some 2.5 million messages; an hour of dense music has a tenth."""


@runtime_checkable
class Readable(Protocol):
    """An open binary file, or what reads like one."""

    def read(self, size: int, /) -> bytes:
        """Reads at most ``size`` bytes."""
        ...


Source: TypeAlias = str | os.PathLike[str] | bytes | Readable
"""A path, ``-`` for standard input, a file's content, or an open binary file."""

_GZIP = b"\x1f\x8b"


def read_source(source: Source, limit: int | None = None) -> tuple[bytes, str]:
    """Reads a source whole, unpacks it if it is gzipped, and names it for messages.

    Args:
      source: what to read.
      limit: the most bytes that it may hold, packed or unpacked; None for ``MAX_BYTES``.

    Raises:
      MidiError: it cannot be read, or holds more.
    """
    limit = MAX_BYTES if limit is None else limit
    name = name_source(source)
    try:
        data = _read_bounded(source, limit)
    except OSError as error:
        raise MidiError(f"{name}: cannot be read ({error.strerror or error})") from error
    _check_size(data, name, limit)
    if data.startswith(_GZIP):
        data = _unpack(data, name, limit)
    return data, name


def name_source(source: Source) -> str:
    """Names a source as messages call it."""
    if isinstance(source, bytes):
        return "MIDI data"
    if isinstance(source, (str, os.PathLike)):
        return "standard input" if str(source) == "-" else str(source)
    return str(getattr(source, "name", "MIDI data"))


def _read_bounded(source: Source, limit: int) -> bytes:
    # One byte more than is allowed, so that a pipe without an end is refused and not awaited.
    limit += 1
    if isinstance(source, bytes):
        return source
    if str(source) == "-":
        if sys.stdin is None:
            raise OSError(errno.EBADF, "it is closed")
        return sys.stdin.buffer.read(limit)
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            return file.read(limit)
    return source.read(limit)


def _unpack(data: bytes, name: str, limit: int) -> bytes:
    """Unpacks gzip as far as it goes: a cut file gives the notes that are there."""
    # Not by `gzip`, which refuses a file that was cut.
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(data, limit + 1)
    except zlib.error as error:
        raise MidiError(f"{name}: gzipped, but damaged ({error})") from error
    _check_size(unpacked, name, limit)
    return unpacked


def _check_size(data: bytes, name: str, limit: int) -> None:
    if len(data) > limit:
        kind = "MIDI file" if limit == MAX_BYTES else "score"
        raise MidiError(f"{name}: over {limit} bytes; a {kind} may have at most that")
