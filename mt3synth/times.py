"""Reads times of a song as people write them: 1:30, or 90 seconds."""

from __future__ import annotations

import re

from mt3synth.errors import UserError

_TIME = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,6}(?:\.\d{1,9})?)")


def read_time(text: str) -> float:
    """Reads a time as seconds.

        read_time("1:30"), read_time("90"), read_time("0:01:30.0")  # 90.0 each

    Raises:
      UserError: it is none, or has 60 seconds or more after a colon.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise UserError(f"time {text.strip()!r}; must be minutes:seconds, such as 1:30, or seconds")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    if (found[2] and seconds >= 60) or (found[1] and minutes >= 60):
        raise UserError(f"time {text.strip()!r}; must have less than 60 after each colon")
    return 3600 * hours + 60 * minutes + seconds


def read_region(text: str) -> tuple[float, float]:
    """Reads a passage as the seconds at which it begins and ends.

        read_region("0:20-0:28")  # (20.0, 28.0)

    Raises:
      UserError: it is no passage, or is over before it begins.
    """
    start, dash, end = text.partition("-")
    if not dash:
        raise UserError(f"passage {text!r}; must be two times with - between, such as 0:20-0:28")
    begins, ends = read_time(start), read_time(end)
    if not begins < ends:
        raise UserError(f"passage {text!r}; its end must be after its beginning")
    return begins, ends


def write_time(seconds: float) -> str:
    """Writes a time as `read_time` reads it, to a thousandth: ``1:30`` or ``0:07.25``."""
    minutes, rest = divmod(round(seconds * 1000), 60_000)
    whole, thousandths = divmod(rest, 1000)
    return f"{minutes}:{whole:02d}" + (f".{thousandths:03d}".rstrip("0") if thousandths else "")
