"""Safetensors, NumPy arrays, zip archives and records of TFRecord files made wrong inside.

Lengths and checksums around what is wrong are made right again, or else nothing would be met but
the check of them.
"""

from __future__ import annotations

import io
import struct
import zipfile
from random import Random

import google_crc32c
from byte_mutations import change_bytes, change_json, deep_json

_HUGE = (0, 1, 7, 2**31, 2**40, 2**63 - 1, 2**64 - 1)


def change_safetensors(data: bytes, rng: Random) -> bytes:
    """Changes names, types, shapes and offsets, or the length of the header, or the numbers."""
    length = int.from_bytes(data[:8], "little")
    header, body = data[8 : 8 + length], data[8 + length :]
    match rng.randrange(6):
        case 0:
            return rng.choice(_HUGE).to_bytes(8, "little") + data[8:]
        case 1:
            return change_bytes(data, rng)
        case 2:
            header = deep_json(rng)
        case 3:
            body = body[: rng.randrange(len(body) + 1)]
        case 4:  # not a number, infinite: of the right length all the same
            body = b"\xff\x7f" * (len(body) // 2)
        case _:
            header = change_json(header.decode(), rng)
    return len(header).to_bytes(8, "little") + header + body


def change_npy(data: bytes, rng: Random) -> bytes:
    """Changes what the header of a ``.npy`` file says of type, order and shape, or the numbers."""
    length = int.from_bytes(data[8:10], "little")
    header, body = data[10 : 10 + length].decode("latin-1"), data[10 + length :]
    kinds = ("|O", "|O8", "<f8", ">i2", "|S9", "<U100000000", "<M8[s]", "[('a','<f8')]", "|V0")
    match rng.randrange(5):
        case 0:
            return change_bytes(data, rng)
        case 1:
            start = header.index("'descr': '") + 10
            header = header[:start] + rng.choice(kinds) + header[header.index("'", start) :]
        case 2:
            shape = rng.choice(("()", "(0,)", "(-1,)", "(9, 9)", f"({2**62},)", f"({10**10}, 3)"))
            header = header[: header.index("(")] + shape + header[header.index(")") + 1 :]
        case 3:
            header = "(" * rng.choice((10, 5000)) + header
        case _:
            body = body[: rng.randrange(len(body) + 1)]
    octets = header.encode("latin-1")[:65535]
    return data[:8] + len(octets).to_bytes(2, "little") + octets + body


def change_zip(data: bytes, rng: Random) -> bytes:
    """Changes a member, its name or the archive: bombs, names that lead out of it, doubles."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    at = rng.randrange(len(members))
    name, content = members[at]
    match rng.randrange(8):
        case 0:
            return change_bytes(data, rng)
        case 1:
            members[at] = (rng.choice(("../../outside", "/etc/passwd", "a" * 60000, "")), content)
        case 2:
            members[at] = (name, bytes(rng.choice((2**20, 40 * 2**20))))
        case 3:
            members += [(f"{n}{name}", b"") for n in range(rng.choice((3, 2000)))]
        case 4:
            del members[at]
        case 5:
            members[at] = (name, change_npy(content, rng) if name.endswith("npy") else content[1:])
        case _:
            members[at] = (name, change_bytes(content, rng))
    return make_zip(members)


def make_zip(members: list[tuple[str, bytes]]) -> bytes:
    """Packs members, in this order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def change_records(data: bytes, rng: Random) -> bytes:
    """Changes the payload of a record, its length or the file."""
    if rng.random() < 0.25:
        return change_bytes(data, rng)
    records, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 8], "little")
        records.append(data[at + 12 : at + 12 + length])
        at += length + 16
    index = rng.randrange(len(records))
    records[index] = change_bytes(records[index], rng)
    if rng.random() < 0.1:
        records += [b""] * rng.choice((1, 100))
    made = b"".join(_framed(record, len(record)) for record in records)
    if rng.random() < 0.1:
        made += _framed(b"abc", rng.choice(_HUGE))
    return made


def _framed(payload: bytes, length: int) -> bytes:
    size = struct.pack("<Q", length)
    return size + _crc(size) + payload + _crc(payload)


def _crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
