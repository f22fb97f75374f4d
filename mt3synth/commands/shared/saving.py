"""Says a line or two about a file that was written."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path


def report_saved(path: Path, seconds: float, reports: Iterable[str], began: float) -> None:
    """Says on stderr how long a sound is, how long it took, and what was done to its level.

    Args:
      path: of the file.
      seconds: of audio in it.
      reports: what was done to its level.
      began: when the work on it did, by `time.monotonic`.
    """
    for line in reports:
        report(f"{path}: {line}")
    report(f"{path}: {seconds:.1f} s of audio in {time.monotonic() - began:.1f} s")


def report(line: str) -> None:
    """Says something about a file that is no error, on stderr."""
    print(line, file=sys.stderr)
