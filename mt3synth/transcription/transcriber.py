"""What a transcriber is."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from mt3synth.symbolic.notes import Notes


@runtime_checkable
class Transcriber(Protocol):
    """Audio to notes: mono float32 of any length, and its sample rate in samples per second."""

    def __call__(self, audio: Float[np.ndarray, " S"], sample_rate: int) -> Notes: ...
