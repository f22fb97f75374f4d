"""Cuts songs into segments: plain NumPy, wrapped for TensorFlow by `seqio_pipeline.preprocessors`.

A segment carries what its features are made of rather than the features themselves: the samples
its frames cover, and the notes around it in song time. Both are small, so shuffling and skipping
segments costs little, and each network's features are made last (`features.SegmentFeatures`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mt3synth.audio.mel import MelSpec
from mt3synth.symbolic.note_list import RING_S

NOTE_MARGIN_S = RING_S
"""Seconds around a segment whose notes travel with it: they may still ring in it, and rounding may
reach in from behind."""

LEAD_FRAMES = 32
"""Frames of silence before a song with which a segment may begin."""
RECOMMENDED_EDGES = 0.5
"""How often the default run draws segments at a song's edges: see `training_starts`."""


@dataclass(frozen=True, eq=False)
class Segment:
    """Holds a stretch of a song, before any feature of it is computed.

    Attributes:
      id: the song.
      start_frame: where in the song the segment starts.
      context_frames: how many frames before that travel with it.
      audio: the samples that all these frames cover and a window more on either side, zero outside
        the song, int16 ``[S]`` (see ``segment_samples``); none where ``frames`` are there
        and the song has another rate.
      notes: the notes in it and within ``NOTE_MARGIN_S`` of it, whole and in song time,
        float64 ``[n, 6]`` in the order of ``note_tables.NOTE_COLUMNS``, or ``[k, 10]`` with their
        curves.
      sample_rate: of the audio, in samples per second.
      performance: index of the performance.
      shift: semitones by which audio and notes are to be shifted; neither is yet.
      frames: in the network's range, context first, ``[C + T, M]``; None where they have to be
        computed from the audio.
    """

    id: str
    start_frame: int
    context_frames: int
    audio: np.ndarray
    notes: np.ndarray
    sample_rate: int
    performance: int
    shift: int = 0
    frames: np.ndarray | None = None


def segment_lead(context_frames: int, spec: MelSpec) -> int:
    """Returns how many samples of a segment precede its first frame: the context, and a window."""
    return context_frames * spec.hop + spec.window


def segment_samples(frames: int, context_frames: int, spec: MelSpec) -> int:
    """Returns how many samples a segment has: all frames, and a window on either side.

    The last frame's window is there whole. A front end stretched by a pitch shift looks a little
    further than a frame.
    """
    return (context_frames + frames - 1) * spec.hop + 3 * spec.window


def training_starts(
    song_frames: int, segment_frames: int, draw: int, edges: float = 0.0
) -> np.ndarray:
    """Returns the start frames of one pass over a song, int32 ``[n]``; ``draw`` decides the first.

    Their number, ``song_frames // segment_frames`` (at least 1), does not depend on the draw. The
    last segment may reach past the song's end by less than a segment. A song no longer than a
    segment starts at 0.

    With probability ``edges`` the first segment begins with the song, or up to `LEAD_FRAMES` before
    it, and with the same probability the last one reaches over the song's end, by up to half a
    segment: chance would hardly ever show how songs begin, which every rendering does.
    """
    offset = draw % segment_frames if song_frames > segment_frames else 0
    count = max(1, song_frames // segment_frames)
    starts = (offset + segment_frames * np.arange(count)).astype(np.int32)
    if edges:
        # Draws of their own, so that all other segments stay where they are.
        first, last, lead, over = np.random.default_rng([draw, 1]).random(4)
        if last < edges and song_frames > segment_frames:
            starts[-1] = song_frames - segment_frames + int(over * segment_frames / 2)
        if first < edges:
            # Half of them on the very first frame, as files made by hand begin.
            starts[0] = -max(0, int((2 * lead - 1) * (LEAD_FRAMES + 1)))
    return starts


def check_edges(edges: float) -> None:
    """Checks a probability of `training_starts`. Raises ValueError if it is none."""
    if not 0 <= edges <= 1:
        raise ValueError(f"edges={edges}; must be in 0..1")


def evaluation_starts(song_frames: int, segment_frames: int) -> np.ndarray:
    """Returns start frames that cover a song from 0 to its end, int32 ``[n]``."""
    return np.arange(0, song_frames, segment_frames, dtype=np.int32)


def training_shifts(count: int, most: int, draw: int) -> np.ndarray:
    """Draws the pitch shifts of ``count`` segments, semitones, evenly of -most .. most, int32."""
    return np.random.default_rng(draw).integers(-most, most + 1, count, np.int32)
