"""Keeps embeddings of any number of recordings on disk, so that memory does not grow with them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mt3synth.atomic import scratch_folder
from mt3synth.evaluation.embeddings.gaussian import Gaussian
from mt3synth.evaluation.embeddings.subsampling import Subset, gaussian_of
from mt3synth.types import Float, FloatND, Int


class EmbeddingStore:
    """Rows of embeddings under names, in a temporary file that goes with the ``with`` block.

        with EmbeddingStore(dimension=32) as store:
            store.put("real: 1.wav", rows)
            store.gaussian("real: 1.wav").mean

    Args:
      dimension: D.
    """

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._closing = ExitStack()
        folder = self._closing.enter_context(scratch_folder())
        self._file = _File(folder / "rows", dimension)
        self._ranges: dict[str, range] = {}
        self._count = 0

    def __enter__(self) -> EmbeddingStore:
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.close()

    def put(self, name: str, rows: Float[FloatND, "N D"]) -> None:
        """Stores rows under a name.

        Raises:
          ValueError: of another dimension, or there are some of that name.
        """
        if rows.shape[1:] != (self.dimension,):
            raise ValueError(f"{name}: embeddings {rows.shape}; must be [N, {self.dimension}]")
        if name in self._ranges:
            raise ValueError(f"{name}: there are embeddings of that name already")
        # Opened anew each time: an evaluation of hours holds no file open between two pieces.
        with open(self._file.path, "ab") as file:
            file.write(np.ascontiguousarray(rows, np.float32).data)
        self._ranges[name] = range(self._count, self._count + len(rows))
        self._count += len(rows)

    def rows(self, *names: str) -> Subset:
        """Gives all rows of some names, one after the other, read from disk when indexed."""
        ranges = [self._ranges[name] for name in names]
        return Subset(self._file, np.concatenate([np.arange(r.start, r.stop) for r in ranges]))

    def gaussian(self, *names: str) -> Gaussian:
        """Takes mean and covariance of the rows of some names."""
        total = Gaussian(self.dimension)
        for name in names:
            total.merge(gaussian_of(self.rows(name)))
        return total

    def mean(self, name: str) -> Float[FloatND, " D"]:
        """Averages a name's rows, in float64."""
        return self.gaussian(name).mean


@dataclass(frozen=True)
class _File:
    """`mt3synth.evaluation.embeddings.subsampling.Rows` of a file of float32."""

    path: Path
    dimension: int

    def __len__(self) -> int:
        return self.path.stat().st_size // (4 * self.dimension)

    def __getitem__(self, positions: Int[np.ndarray, " n"], /) -> Float[np.ndarray, "n D"]:
        if not len(positions):
            return np.zeros((0, self.dimension), np.float32)
        # Mapped anew each time, so that what is not looked at any longer takes no memory.
        rows = np.memmap(self.path, np.float32, "r").reshape(-1, self.dimension)
        return np.array(rows[positions])
