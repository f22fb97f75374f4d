"""Writes a ``.npy`` file row by row, so that a shard is never in memory as a whole."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.lib import format as npy

# Room for any length: the header is written again, with the true length, at the end.
_HEADER_BYTES = 128


class NpyStream:
    """Appends rows of one dtype and trailing shape to a new ``.npy`` file.

    Args:
      path: of the file.
      dtype: of every row.
      row: shape of a row; () for a plain vector.
    """

    def __init__(self, path: Path, dtype: type, row: tuple[int, ...] = ()) -> None:
        self._dtype, self._row, self._length = np.dtype(dtype), row, 0
        self._file = open(path, "wb")  # noqa: SIM115  closed by __exit__
        self._file.write(bytes(_HEADER_BYTES))

    def append(self, rows: np.ndarray) -> None:
        """Adds ``rows`` ``[n, *row]``.

        Raises:
          ValueError: another dtype or shape.
        """
        if rows.dtype != self._dtype or rows.shape[1:] != self._row:
            raise ValueError(
                f"rows {rows.dtype}{list(rows.shape)}; must be {self._dtype} [n, *{self._row}]"
            )
        self._file.write(np.ascontiguousarray(rows).tobytes())
        self._length += len(rows)

    def __enter__(self) -> NpyStream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._file as file:
            file.seek(0)
            npy.write_array_header_1_0(
                file,
                {
                    "descr": npy.dtype_to_descr(self._dtype),
                    "fortran_order": False,
                    "shape": (self._length, *self._row),
                },
            )
            if file.tell() != _HEADER_BYTES:
                raise AssertionError(f"a .npy header of {file.tell()} bytes, not {_HEADER_BYTES}")
