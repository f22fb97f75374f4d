"""Reads the arrays of a TensorFlow checkpoint without TensorFlow.

A checkpoint is a "tensor bundle": ``.data`` files hold the bytes of all tensors, and ``.index`` is
a sorted string table in LevelDB's format (its ``doc/table_format.md``) from a tensor's name to a
``BundleEntryProto`` (TensorFlow's ``tensor_bundle.proto``), which says where they lie. Only what
such checkpoints use is read: one shard, tables without compression, little-endian numbers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from mt3synth.types import FloatND

_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48
_FIXED = {1: 8, 5: 4}  # bytes of protocol buffer fields
_DTYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8"}  # of TensorFlow's types.proto


def read_bundle(index: bytes, data: bytes) -> dict[str, FloatND]:
    """Reads every tensor of numbers, by its name.

    Args:
      index: content of the ``.index`` file.
      data: content of the ``.data-00000-of-00001`` file.

    Raises:
      ValueError: it is no such checkpoint, or uses what is not read here.
    """
    if len(index) < _FOOTER or struct.unpack("<Q", index[-8:])[0] != _MAGIC:
        raise ValueError("no index of a TensorFlow checkpoint")
    try:
        footer = index[-_FOOTER:]
        _, position = _handle(footer, 0)  # of the table's own metadata, which is empty
        blocks, _ = _handle(footer, position)
        tensors = {}
        for _, where in _entries(_block(index, blocks)):
            for key, value in _entries(_block(index, _handle(where, 0)[0])):
                tensor = _tensor(value, data) if key else None  # the empty key is the header's
                if tensor is not None:
                    tensors[key.decode()] = tensor
    except IndexError as error:
        raise ValueError("the index of the TensorFlow checkpoint is cut off") from error
    return tensors


def _tensor(entry: bytes, data: bytes) -> FloatND | None:
    """Reads the tensor of a ``BundleEntryProto``; None for types other than numbers."""
    numbers, messages = _fields(entry)
    if numbers.get(3, 0) or 7 in messages:
        raise ValueError("a TensorFlow checkpoint in several parts; must be in one")
    dtype = _DTYPES.get(numbers.get(1, 0))
    if dtype is None:
        return None
    dimensions = _fields(b"".join(messages.get(2, [])))[1].get(2, [])
    shape = [_fields(dimension)[0].get(1, 0) for dimension in dimensions]
    offset, size = numbers.get(4, 0), numbers.get(5, 0)
    if size != np.dtype(dtype).itemsize * int(np.prod(shape)) or offset + size > len(data):
        raise ValueError("the data of the TensorFlow checkpoint do not fit its index")
    return np.frombuffer(data, dtype, int(np.prod(shape)), offset).reshape(shape)


def _block(table: bytes, handle: tuple[int, int]) -> bytes:
    offset, size = handle
    if offset + size >= len(table) or table[offset + size]:
        raise ValueError("a compressed or broken block in the TensorFlow checkpoint's index")
    return table[offset : offset + size]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields keys and values; a key states how much of it is the one's before."""
    restarts = struct.unpack("<I", block[-4:])[0]
    end = len(block) - 4 * (restarts + 1)
    position, key = 0, b""
    while position < end:
        shared, position = _varint(block, position)
        unshared, position = _varint(block, position)
        length, position = _varint(block, position)
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        yield key, block[position : position + length]
        position += length


def _handle(data: bytes, position: int) -> tuple[tuple[int, int], int]:
    offset, position = _varint(data, position)
    size, position = _varint(data, position)
    return (offset, size), position


def _fields(message: bytes) -> tuple[dict[int, int], dict[int, list[bytes]]]:
    """Reads a protocol buffer by field number: the whole numbers, and all that has a length."""
    numbers: dict[int, int] = {}
    rest: dict[int, list[bytes]] = {}
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        kind = tag & 7
        if kind == 0:
            numbers[tag >> 3], position = _varint(message, position)
            continue
        if kind == 2:
            length, position = _varint(message, position)
        elif kind in _FIXED:
            length = _FIXED[kind]
        else:
            raise ValueError("a broken entry in the TensorFlow checkpoint's index")
        rest.setdefault(tag >> 3, []).append(message[position : position + length])
        position += length
    return numbers, rest


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7
