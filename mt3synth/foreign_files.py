"""JSON and NumPy arrays of files that may come from a stranger: bounded, and never run.

Whatever is wrong with them is one kind of error, for the libraries' own are of many: a header that
nests too deep, ends within a word or states more numbers than there are.
"""

from __future__ import annotations

import dataclasses
import io
import json
import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

MOST_JSON = 64 * 2**20
"""Bytes of JSON that are read; the description of a corpus of 100,000 songs has a third of it."""

MOST_ARRAYS = 2**30
"""Bytes that the arrays of an archive may have unpacked; four hours of music have a fifth of it."""

MOST_SIZE, _MOST_LAYERS, _MOST_LEVELS = 2**20, 48, 16
"""Of anything that a network has a number of, of its layers, and of its levels."""


def read_json(path: Any) -> Any:
    """Reads a JSON file, as `parse_json`.

    Args:
      path: `pathlib.Path`, or one like it that lies elsewhere (universal-pathlib).

    Raises:
      OSError: it cannot be read.
      ValueError: it is no JSON, nests too deep, or has more bytes than ``MOST_JSON``.
    """
    with path.open("rb") as file:
        content = file.read(MOST_JSON + 1)
    if len(content) > MOST_JSON:
        raise ValueError(f"over {MOST_JSON} bytes of JSON")
    return parse_json(content.decode("utf-8-sig"))


def parse_json(text: str) -> Any:
    """Parses JSON.

    Raises:
      ValueError: it is none, or nests too deep.
    """
    try:
        return json.loads(text)
    except RecursionError:
        # By how deep Python itself goes; nothing that is written here is ten deep.
        raise ValueError("JSON that nests too deep") from None


def check_sizes(values: Mapping[str, Any], configuration: type | None = None) -> None:
    """Checks that the settings of a network are those of one that could be built.

    Args:
      values: the settings by name.
      configuration: the dataclass that is to be made of them.

    Raises:
      ValueError: a whole number that is of no use to any, which would take all time or memory, or
        another value where there must be one.
    """
    fields = dataclasses.fields(configuration) if configuration is not None else ()
    whole = {field.name for field in fields if field.type in (int, "int")}
    for name, value in values.items():
        if name in whole and type(value) is not int:
            raise ValueError(f"{name}={value!r}; must be a whole number")
        most = _MOST_LAYERS if name.endswith(("layers", "blocks")) else MOST_SIZE
        listed = value if isinstance(value, list | tuple) else [value]
        if len(listed) > _MOST_LEVELS:
            raise ValueError(f"{name} has {len(listed)} values; must be at most {_MOST_LEVELS}")
        for each in listed:
            if isinstance(each, int) and abs(each) > most:
                raise ValueError(f"{name}={each:.3g}; must be at most {most}")


def map_array(path: Path) -> np.memmap:
    """Maps a ``.npy`` file of numbers into memory, where it is read when it is used.

    Raises:
      OSError: it cannot be read.
      ValueError: it is none, or not as long as it says.
    """
    with _one_kind_of_error():
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.memmap):  # an archive under the name of an array
        raise ValueError("no array of numbers")
    return array


def read_arrays(data: bytes) -> dict[str, np.ndarray]:
    """Reads the arrays of an ``.npz`` archive by their names.

    Raises:
      ValueError: it is no whole archive, or an array in it is none of numbers or text; or it
        unpacks to more than ``MOST_ARRAYS`` bytes.
    """
    arrays, left = {}, MOST_ARRAYS
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                # Read bounded, whatever the archive claims.
                with archive.open(member) as file:
                    content = file.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise ValueError(f"unpacks to over {MOST_ARRAYS} bytes")
                arrays[member.filename.removesuffix(".npy")] = _read_array(content)
    except ValueError:
        raise
    except Exception as error:  # zipfile and zlib raise whatever damage leads them into
        raise ValueError(f"no whole archive ({type(error).__name__})") from error
    return arrays


def _read_array(content: bytes) -> np.ndarray:
    file = io.BytesIO(content)
    with _one_kind_of_error():
        version = npy.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"an array of version {version}")
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(file)
        start = file.tell()
        # Before anything is allocated: an object would be unpickled, a shape may be any number.
        if dtype.hasobject or len(content) - start != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"an array {dtype} {list(shape)} in {len(content)} bytes")
        array = np.frombuffer(content, dtype, math.prod(shape), start)
        return array.reshape(shape, order="F" if fortran else "C")


@contextmanager
def _one_kind_of_error() -> Iterator[None]:
    """Makes a `ValueError` of what NumPy's reader of headers runs into."""
    try:
        # Products of a shape that no file has overflow.
        with np.errstate(all="raise"):
            yield
    except (OSError, ValueError):
        raise
    except Exception as error:  # it evaluates the header, and raises whatever that leads it into
        raise ValueError(f"no array of numbers ({type(error).__name__})") from error
