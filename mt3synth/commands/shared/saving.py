"""The end of a rendering: audio into its file, and a line about it."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from mt3synth.audio.files import fit_peak, write_audio
from mt3synth.types import FloatND


def save_fitted(
    path: Path, audio: FloatND, sample_rate: int, metadata: Mapping[str, str], began: float
) -> None:
    """Writes audio ``[S]``, turned down if it would clip, and says so and how long it took.

    Args:
      path, sample_rate, metadata: as `write_audio` takes them.
      audio: of any peak.
      began: when the work on it did, by `time.monotonic`.

    Raises:
      AudioError: as `write_audio`.
    """
    fitted, gain = fit_peak(audio)
    if gain < 1:
        report(f"{path}: {20 * math.log10(gain):.1f} dB, so that it does not clip")
    write_audio(path, fitted, sample_rate, metadata)
    length, taken = len(audio) / sample_rate, time.monotonic() - began
    report(f"{path}: {length:.1f} s of audio in {taken:.1f} s")


def report(line: str) -> None:
    """Something about a file that is no error, on stderr."""
    print(line, file=sys.stderr)
