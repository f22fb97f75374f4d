"""Array aliases and the one glossary of axis letters.

B  batch                     T  frames (20 ms each by default)
M  mel bins                  N  event tokens of one segment
R  piano-roll channels       D  network width
S  audio samples             P  performances
H  attention heads           K  width of one head
C  condition channels        W  windows of a song, or score channels of the U-Net

Shapes are written with jaxtyping, ``Float[Array, "B T M"]``, and are checked while the tests run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

FloatND = np.ndarray
Batch = dict[str, np.ndarray]
JaxBatch = Mapping[str, Any]
"""A batch as NumPy or JAX arrays."""

__all__ = ["Array", "Batch", "Bool", "Float", "FloatND", "Int", "JaxBatch", "Key", "PyTree"]
