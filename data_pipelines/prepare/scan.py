"""Takes a first look at every recording: is it there, how long is it, is it listed twice?"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from data_pipelines.recordings import Recording, Rejection
from mt3synth.errors import UserError

_THREADS = 16  # they wait for disks and networks, not for the processor


class Scan(NamedTuple):
    """Says what a first look found.

    Attributes:
      recordings: those worth reading, in order.
      seconds: how much of each is wanted, by id, as far as headers tell.
      rejections: the others.
    """

    recordings: list[Recording]
    seconds: dict[str, float]
    rejections: list[Rejection]


def scan(recordings: Sequence[Recording]) -> Scan:
    """Reads the headers of all recordings, none of their samples."""
    found = Scan([], {}, [])
    with ThreadPoolExecutor(_THREADS) as threads:
        lengths = list(threads.map(_wanted_seconds, recordings))
    for recording, length in zip(recordings, lengths):
        if isinstance(length, UserError):
            found.rejections.append(recording.rejected(str(length)))
        elif recording.id in found.seconds:
            found.rejections.append(recording.rejected("duplicate: listed before"))
        else:
            found.recordings.append(recording)
            found.seconds[recording.id] = length
    return found


def _wanted_seconds(recording: Recording) -> float | UserError:
    for path in recording.notes.paths:
        if not path.is_file():
            return UserError(f"{path}: no such file")
    try:
        seconds = recording.audio.seconds()
    except UserError as error:
        return error
    end = seconds if recording.end is None else min(recording.end, seconds)
    return max(0.0, end - recording.start)
