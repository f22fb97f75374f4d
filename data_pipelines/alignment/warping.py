"""Maps the seconds of a score to those of a recording.

The coarse map is multi-scale dynamic time warping over chroma and chroma onsets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_pipelines.alignment.features import FEATURE_RATE, Features, import_synctoolbox
from mt3synth.symbolic.notes import Notes
from mt3synth.types import FloatND

_TEMPO_SPAN_S = 4.0  # of score, from which the tempo beyond the first and the last onset is taken
SHORTEST_NOTE_S = 0.01
# A diagonal step covers two frames: less than twice the weight, so that the path prefers it.
_STEP_WEIGHTS = (1.5, 1.5, 2.0)  # score waits, recording waits, both go on
_LARGEST_RECTANGLE = 10**6  # cells of the cost matrix held at a time


@dataclass(frozen=True, eq=False)
class TimeMap:
    """Maps a score's seconds to a recording's, piecewise linearly between the score's onsets.

        twice = TimeMap(np.array([0.0, 1.0]), np.array([0.0, 2.0]))
        twice(np.array([0.5]))  # [1.0]

    Before the first onset and after the last, where nothing in the recording tells, the tempo is
    that of the 4 s of score next to it.

    Attributes:
      score: seconds of the score, float64 ``[K]``, increasing.
      recording: seconds of the recording, float64 ``[K]``, increasing.

    Raises:
      ValueError: no onset, different shapes, or times that do not increase.
    """

    score: FloatND
    recording: FloatND

    def __post_init__(self) -> None:
        if not len(self.score) or self.score.shape != self.recording.shape:
            raise ValueError(
                f"{self.score.shape} and {self.recording.shape} times; must be as many, at least 1"
            )
        if np.any(np.diff(self.score) <= 0) or np.any(np.diff(self.recording) <= 0):
            raise ValueError("the times of a map do not increase")

    def __call__(self, seconds: FloatND) -> FloatND:
        """Maps ``seconds`` of the score to seconds of the recording, float64 ``[...]``."""
        score, recording = self.score, self.recording
        inner = np.interp(seconds, score, recording)
        forward, backward = slice(None), slice(None, None, -1)
        first, last = self._measure_stretch(forward), self._measure_stretch(backward)
        early, late = np.minimum(seconds - score[0], 0), np.maximum(seconds - score[-1], 0)
        return inner + first * early + last * late

    def _measure_stretch(self, order: slice) -> float:
        """Measures recorded seconds for a second of score, at the end where ``order`` begins."""
        score, recording = self.score[order], self.recording[order]
        within = min(int(np.sum(np.abs(score - score[0]) < _TEMPO_SPAN_S)), len(score) - 1)
        if not within:
            return 1.0
        return float((recording[within] - recording[0]) / (score[within] - score[0]))

    def shifted(self, seconds: float) -> TimeMap:
        """Moves everything in the recording later by ``seconds`` (earlier if negative)."""
        return TimeMap(self.score, self.recording + seconds)

    def warp(self, notes: Notes, seconds: float, apart: FloatND | float = 0.0) -> Notes:
        """Moves ``notes`` of the score to their times in a recording of ``seconds``.

        A note begins no earlier than the recording and ends with it at the latest, unless it would
        become shorter than 10 ms.

        Args:
          notes: of the score.
          seconds: length of the recording.
          apart: how much later than the map says each note is played, seconds ``[n]``.
        """
        start = self(notes.start) + apart
        start = np.clip(start, 0.0, max(seconds - SHORTEST_NOTE_S, 0.0))
        end = np.minimum(self(notes.end) + apart, seconds)
        return notes.replace(start=start, end=np.maximum(end, start + SHORTEST_NOTE_S))


def find_path(score: Features, recording: Features) -> FloatND:
    """Finds the frames of score and recording that belong together, int64 ``[2, L]``.

    MrMsDTW (Praetzlich, Driedger and Mueller, "Memory-restricted multiscale dynamic time warping",
    2016), as synctoolbox has it.

    Raises:
      UserError: synctoolbox is not installed.
    """
    path = import_synctoolbox("dtw.mrmsdtw").sync_via_mrmsdtw(
        score.chroma,
        recording.chroma,
        score.onsets,
        recording.onsets,
        input_feature_rate=FEATURE_RATE,
        step_weights=np.array(_STEP_WEIGHTS),
        threshold_rec=_LARGEST_RECTANGLE,
    )
    return np.asarray(path, dtype=np.int64)


def map_onsets(onsets: FloatND, path: FloatND, lead: float) -> TimeMap:
    """Reads off a path the map at the score's onsets.

    Where the score waits, a frame of it belongs to many of the recording: the middle is taken.

    Args:
      onsets: seconds of the score ``[K]``, increasing.
      path: frames ``[2, L]``.
      lead: seconds of silence in the path's score before the score begins.
    """
    frames = np.unique(path[0])
    middle = np.bincount(path[0], path[1])[frames] / np.bincount(path[0])[frames]
    times = np.interp((onsets + lead) * FEATURE_RATE, frames, middle) / FEATURE_RATE
    return TimeMap(onsets, make_increasing(times))


def make_increasing(times: FloatND, step: float = 1e-3) -> FloatND:
    """Moves each of ``times`` ``[K]`` to at least ``step`` seconds after the one before."""
    ramp = step * np.arange(len(times))
    return np.maximum.accumulate(times - ramp) + ramp
