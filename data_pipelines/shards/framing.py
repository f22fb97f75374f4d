"""Writes and reads the TFRecord file format without TensorFlow.

A record is its length (uint64), a checksum of that, the payload and a checksum of the payload, all
little-endian; checksums are CRC-32C, masked as TensorFlow's documentation of the format says.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import google_crc32c

from mt3synth.errors import UserError, explain_os_errors

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
HEADER_BYTES = _HEADER.size
"""Bytes of a record before its payload."""
_MASK_DELTA = 0xA282EAD8


def write_frame(file: BinaryIO, payload: bytes) -> None:
    """Appends one record to a file."""
    length = struct.pack("<Q", len(payload))
    file.write(length + _FOOTER.pack(_masked_crc(length)))
    file.write(payload)
    file.write(_FOOTER.pack(_masked_crc(payload)))


def read_frames(path: Path) -> Iterator[tuple[int, bytes]]:
    """Reads the records of a file in order: at which byte each starts, and its payload.

    Raises:
      UserError: the file is missing, is no TFRecord file, or is damaged or cut short.
    """
    with _open(path) as (file, size):
        offset = 0
        while offset < size:
            yield offset, _read_frame(file, offset, size, path)
            offset = file.tell()


def read_frame_at(path: Path, offset: int) -> bytes:
    """Reads the payload of the record that starts at byte ``offset``.

    Raises:
      UserError: as `read_frames` does.
    """
    with _open(path) as (file, size):
        file.seek(offset)
        return _read_frame(file, offset, size, path)


def frame_offsets(path: Path) -> Iterator[int]:
    """Finds at which byte each record starts by lengths alone; payloads are not checked.

    Raises:
      UserError: as `read_frames` does, but for damaged payloads.
    """
    with _open(path) as (file, size):
        offset = 0
        while offset < size:
            file.seek(offset)
            length = _read_length(file, offset, path)
            yield offset
            offset += HEADER_BYTES + length + _FOOTER.size


@contextmanager
def _open(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Opens a file and tells its size; UserError if that or what is read of it fails."""
    with explain_os_errors(path), open(path, "rb") as file:
        yield file, os.fstat(file.fileno()).st_size


def _read_frame(file: BinaryIO, offset: int, size: int, path: Path) -> bytes:
    length = _read_length(file, offset, path)
    if offset + HEADER_BYTES + length + _FOOTER.size > size:
        raise UserError(f"{path}: the TFRecord file is cut short at byte {offset}")
    payload = file.read(length)
    if _FOOTER.unpack(file.read(_FOOTER.size))[0] != _masked_crc(payload):
        raise UserError(f"{path}: the record at byte {offset} is damaged (checksum)")
    return payload


def _read_length(file: BinaryIO, offset: int, path: Path) -> int:
    header = file.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        raise UserError(f"{path}: the TFRecord file is cut short at byte {offset}")
    length, crc = _HEADER.unpack(header)
    if crc != _masked_crc(header[:8]):
        raise UserError(f"{path}: no TFRecord file, or damaged at byte {offset}")
    return length


def _masked_crc(data: bytes) -> int:
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF
