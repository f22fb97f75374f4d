"""Transcribes by Harmonica, whose larger sizes hear blurred attacks that basic-pitch forgives.

Ou, Martel, Hennessy-Priest and Cho, "Harmonica: Accurate and Lightweight Instrument-Agnostic Music
Transcription", arXiv 2609.04640, in the independent reproduction that is on PyPI as
``harmonica-amt`` (0.3.0), with trained weights in its wheel, for PyTorch. It states no licence, so
it is no requirement of this project and no part of it.
"""

from __future__ import annotations

import importlib.metadata
from importlib.util import find_spec
from typing import Any

import numpy as np

from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes
from mt3synth.transcription.transcriber import NotInstalled, make_notes, take_to_rate
from mt3synth.types import Float

DISTRIBUTION = "harmonica-amt"
# Its list of requirements is made for Python 3.12 and a GPU; what it imports runs on 3.11, too.
INSTALL = (
    f"pip install --no-deps --ignore-requires-python {DISTRIBUTION}==0.3.0 && "
    "pip install torch nnaudio symusic omegaconf loguru typer"
)
LICENCE = "states no licence"
SIZES = ("nano", "small", "medium", "large", "x-large")
_NEEDED = ("torch", "nnAudio", "symusic", "omegaconf", "loguru", "typer")
_RATE = 16000  # of its constant-Q transform


def find_missing() -> list[str]:
    """Lists what is not installed, by the names that are imported; nothing is imported for it."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    # Not by the module's name: another package, for geophysics, is called the same.
    return missing if find_version() else [DISTRIBUTION, *missing]


def find_version() -> str | None:
    """Finds which version is installed; None for none."""
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return None


class Harmonica:
    """Hears notes in audio: a `mt3synth.transcription.transcriber.Transcriber`.

        Harmonica("x-large")(audio, sample_rate=16000)  # Notes

    Args:
      size: one of `SIZES`; x-large (61 MB) is the strictest judge of attacks.

    Raises:
      NotInstalled: the package or something it needs is missing; says how to install it.
    """

    def __init__(self, size: str = "small") -> None:
        missing = find_missing()
        if missing:
            raise NotInstalled(
                f"{' and '.join(missing)} is not installed; {INSTALL} ({DISTRIBUTION} {LICENCE})"
            )
        try:
            import harmonica

            # On the CPU everywhere: a judge must not depend on who asks it.
            self._model: Any = harmonica.Harmonica(size, device="cpu")
        except (ImportError, AttributeError) as error:
            raise UserError(f"harmonica cannot be imported ({error}); {INSTALL}") from error

    def __call__(self, audio: Float[np.ndarray, " S"], sample_rate: int) -> Notes:
        """Finds onset, offset, pitch and velocity of the notes; each gets program 0.

        Args:
          audio: mono.
          sample_rate: samples per second.
        """
        if not np.any(audio):
            return Notes.empty()
        heard = self._model.transcribe(take_to_rate(audio, sample_rate, _RATE), _RATE)
        return make_notes(
            start=np.asarray(heard.onsets, np.float64),
            end=np.asarray(heard.offsets, np.float64),
            pitch=np.asarray(heard.pitches),
            # 0 stands for one that is not known, and becomes 1.
            velocity=np.asarray(heard.velocities),
        )
