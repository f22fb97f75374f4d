"""Cutting songs into segments: plain NumPy, wrapped for TensorFlow by ``preprocessors``.

A segment carries what its features are made of rather than the features themselves: the samples
its frames cover, and the notes around it in song time. Both are small, so shuffling and skipping
segments costs little, and each network's features are made last (``features.SegmentFeatures``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mt3synth.audio.mel import MelSpec
from mt3synth.symbolic.notes import Notes

NOTE_COLUMNS = ("start", "end", "pitch", "velocity", "program", "is_drum")
NOTE_MARGIN_S = 1.0
"""Notes this close to a segment travel with it: rounding, or a drum's ramp, may reach in."""


@dataclass(frozen=True, eq=False)
class Segment:
    """A stretch of a song, before any feature of it is computed.

    Attributes:
      id: the song.
      start_frame: where in the song the segment starts.
      audio: the samples that its frames cover, zero after the song's end, int16 ``[S]``.
      notes: the notes in it and within ``NOTE_MARGIN_S`` of it, whole and in song time,
        float64 ``[n, 6]`` in the order of ``NOTE_COLUMNS``.
      sample_rate: of the audio, in samples per second.
      performance: index of the performance.
    """

    id: str
    start_frame: int
    audio: np.ndarray
    notes: np.ndarray
    sample_rate: int
    performance: int


def segment_samples(frames: int, spec: MelSpec) -> int:
    """Samples that ``frames`` frames cover: the last frame's window reaches past its hop."""
    return (frames - 1) * spec.hop + spec.window


def training_starts(song_frames: int, segment_frames: int, draw: int) -> np.ndarray:
    """Start frames of one pass over a song, from an offset that ``draw`` decides, int32 ``[n]``.

    Their number, ``song_frames // segment_frames`` (at least 1), does not depend on the draw. The
    last segment may reach past the song's end by less than a segment. A song no longer than a
    segment starts at 0.
    """
    offset = draw % segment_frames if song_frames > segment_frames else 0
    count = max(1, song_frames // segment_frames)
    return (offset + segment_frames * np.arange(count)).astype(np.int32)


def evaluation_starts(song_frames: int, segment_frames: int) -> np.ndarray:
    """Start frames that cover a song from 0 to its end, int32 ``[n]``."""
    return np.arange(0, song_frames, segment_frames, dtype=np.int32)


def notes_to_table(notes: Notes) -> np.ndarray:
    """Notes as one array that TensorFlow can carry, float64 ``[n, 6]``."""
    columns = [np.asarray(getattr(notes, name), np.float64) for name in NOTE_COLUMNS]
    return np.stack(columns, axis=1)


def notes_from_table(table: np.ndarray) -> Notes:
    """Inverse of ``notes_to_table``."""
    return Notes(**dict(zip(NOTE_COLUMNS, table.T)))
