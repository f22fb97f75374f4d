"""Says a line or two about a file that was written."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path


def report_saved(path: Path, seconds: float, gain: float, began: float) -> None:
    """Says on stderr how long a sound is, how long it took, and whether it was turned down.

    Args:
      path: of the file.
      seconds: of audio in it.
      gain: that kept it from clipping, 1 if nothing was to be done.
      began: when the work on it did, by `time.monotonic`.
    """
    if gain < 1:
        report(f"{path}: {20 * math.log10(gain):.1f} dB, so that it does not clip")
    report(f"{path}: {seconds:.1f} s of audio in {time.monotonic() - began:.1f} s")


def report(line: str) -> None:
    """Says something about a file that is no error, on stderr."""
    print(line, file=sys.stderr)
